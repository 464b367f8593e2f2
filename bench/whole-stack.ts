import { existsSync, rmSync } from 'node:fs';
import pg from 'pg';
import { order } from '../stack/client.ts';
import { databaseUrl, readStackConfig, type StackConfig } from '../stack/config.ts';
import { EmbeddedStack } from '../stack/embedded.ts';
import { runJson, type Times } from './child.ts';
import { cpuSeconds } from './cpu.ts';
import { until } from './rows.ts';

// A stack of its own with everything on, for benchmarks of the whole chain.

export const CONNECTIONS = 64;
export const ZAPS = 100;
/** A cold JVM costs twice as much per event; Kafka and Connect are warm after about a minute of load. */
export const WARM_UP_SECONDS = 60;

export interface WholeStack {
  config: StackConfig;
  pool: pg.Pool;
  /** Rows in the outbox. */
  depth: () => Promise<number>;
  /** The outbox with its indexes and TOAST. */
  sizeMb: () => Promise<number>;
  /** Part → CPU seconds so far. */
  cpuByPart: () => Promise<Map<string, number>>;
  /** A closed load of 400-byte webhooks. @throws when one is not answered 200 */
  load: (seconds: number) => Promise<Times>;
  untilEmpty: (withinMs: number) => Promise<void>;
  down: () => Promise<void>;
}

/** Part → CPU seconds between two calls of `cpuByPart`. */
export const usedBetween = (before: Map<string, number>, after: Map<string, number>): Record<string, number> =>
  Object.fromEntries([...after].map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)]));

/** Boots it on the ports of the settings. @param dir where its state lies; removed before and after */
export async function bootWholeStack(dir: string): Promise<WholeStack> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  process.env.STACK_DIR = dir;
  rmSync(dir, { recursive: true, force: true });
  const config = readStackConfig(process.env);
  const stack = new EmbeddedStack(config);
  await stack.up(() => undefined);
  const pool = new pg.Pool({ connectionString: databaseUrl(config, 'outbox_owner'), max: 2 });
  pool.on('error', () => undefined); // The stack may end first.
  const number = async (sql: string) => Number((await pool.query<{ n: string }>(sql)).rows[0]?.n);
  const depth = () => number('SELECT count(*) AS n FROM zap_run_outbox');
  const url = `http://127.0.0.1:${config.INGEST_PORT}/hooks/catch/bench/zap-`;
  return {
    config,
    pool,
    depth,
    sizeMb: async () => (await number(`SELECT pg_total_relation_size('zap_run_outbox') AS n`)) / 2 ** 20,
    cpuByPart: async () => {
      const parts = (await order(config.dir, 'status')) ?? [];
      return new Map(parts.filter(({ job }) => !job).map(({ name, pid }) => [name, cpuSeconds(pid ?? 0)]));
    },
    load: async (seconds) => {
      const { faults, ...times } = await runJson<Times & { faults: number }>(
        'load.ts',
        url,
        String(CONNECTIONS),
        String(seconds),
        '',
        String(ZAPS),
      );
      if (faults > 0) throw new Error(`${faults} requests were not answered 200`);
      return times;
    },
    untilEmpty: (withinMs) => until('the outbox is empty', async () => (await depth()) === 0, withinMs),
    down: async () => {
      await pool.end();
      await stack.down();
      rmSync(config.dir, { recursive: true, force: true });
    },
  };
}
