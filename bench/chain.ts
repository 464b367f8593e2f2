import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { order } from '../stack/client.ts';
import { databaseUrl, readStackConfig } from '../stack/config.ts';
import { EmbeddedStack } from '../stack/embedded.ts';
import pg from 'pg';
import { runJson, type Times } from './child.ts';
import { cpuSeconds } from './cpu.ts';
import { atLeast, atMost, printGoals, spread } from './figures.ts';
import { pause } from './rows.ts';

// `npm run bench:chain`: the whole chain, with everything on, on its own stack: accepted by ingest → on the topic → read
// by both groups → deleted. The load is closed (64 connections, 400-byte events over 100 zaps) and shares the machine. It
// measures the rate at which rows leave the outbox while its depth stays flat, and then the idle stack.

const CONNECTIONS = 64;
const ZAPS = 100;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const WARM_UP_SECONDS = 10;
const IDLE_SECONDS = 20;
const GOALS = { perSecond: 8000, idleShare: 0.1 };

if (existsSync('.env')) process.loadEnvFile('.env');
process.env.STACK_DIR = '.stack/bench';
rmSync('.stack/bench', { recursive: true, force: true });
const config = readStackConfig(process.env);
const stack = new EmbeddedStack(config);
const say = (line: string) => process.stdout.write(`${line}\n`);

await stack.up(() => undefined);
const pool = new pg.Pool({ connectionString: databaseUrl(config, 'outbox_owner'), max: 1 });

const depth = async () => (await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run_outbox')).rows[0]?.n ?? NaN;

/** Part → CPU seconds so far. */
async function cpuByPart(): Promise<Map<string, number>> {
  const parts = (await order(config.dir, 'status')) ?? [];
  return new Map(parts.filter(({ job }) => !job).map(({ name, pid }) => [name, cpuSeconds(pid ?? 0)]));
}

const since = (before: Map<string, number>, after: Map<string, number>) =>
  Object.fromEntries([...after].map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)]));

const load = (seconds: number) => {
  const url = `http://127.0.0.1:${config.INGEST_PORT}/hooks/catch/bench/zap-`;
  return runJson<Times & { faults: number }>('load.ts', url, String(CONNECTIONS), String(seconds), '', String(ZAPS));
};

async function round() {
  const [before, cpuBefore, began] = [await depth(), await cpuByPart(), performance.now()];
  const { perSecond, p50, p99, faults } = await load(SECONDS);
  const seconds = (performance.now() - began) / 1000;
  const [after, cpu] = [await depth(), since(cpuBefore, await cpuByPart())];
  if (faults > 0) throw new Error(`${faults} requests were not answered 200`);
  const accepted = perSecond * SECONDS;
  const microseconds = Object.fromEntries(Object.entries(cpu).map(([name, used]) => [name, Math.round((used / accepted) * 1e6)]));
  return { accepted: perSecond, deleted: (accepted - (after - before)) / seconds, depth: after, p50, p99, microseconds };
}

try {
  await load(WARM_UP_SECONDS);
  const rounds: Awaited<ReturnType<typeof round>>[] = [];
  for (let n = 1; n <= ROUNDS; n += 1) {
    const result = await round();
    rounds.push(result);
    const parts = Object.entries(result.microseconds).map(([name, us]) => `${name} ${us}`);
    say(
      `round ${n}: accepted ${result.accepted.toFixed(0)}/s, deleted ${result.deleted.toFixed(0)}/s, ${result.depth} rows wait, p99 ${result.p99} ms`,
    );
    say(`         CPU per event, µs: ${parts.join(', ')}`);
  }
  const emptied = performance.now();
  while ((await depth()) > 0) {
    if (performance.now() - emptied > 120_000) throw new Error('the outbox is not empty two minutes after the load');
    await pause(250);
  }
  const drainSeconds = (performance.now() - emptied) / 1000;
  await pause(5000); // What the load left to do is not idleness.
  const idleBefore = await cpuByPart();
  await pause(IDLE_SECONDS * 1000);
  const idle = Object.fromEntries(Object.entries(since(idleBefore, await cpuByPart())).map(([name, used]) => [name, used / IDLE_SECONDS]));
  const idleShare = Object.values(idle).reduce((sum, share) => sum + share, 0);
  say(
    `idle: ${Object.entries(idle)
      .map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`)
      .join(', ')} of a core`,
  );
  const result = {
    date: new Date().toISOString(),
    cpus: cpus().length,
    cpu: cpus()[0]?.model,
    connections: CONNECTIONS,
    zaps: ZAPS,
    accepted: spread(rounds.map(({ accepted }) => accepted)),
    deleted: spread(rounds.map(({ deleted }) => deleted)),
    p99Ms: spread(rounds.map(({ p99 }) => p99)),
    drainSeconds,
    idle,
    idleShare,
    rounds,
  };
  writeFileSync(new URL('results/chain.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  printGoals([
    atLeast('events deleted per second', result.deleted.median, GOALS.perSecond),
    atMost('idle stack, share of a core', idleShare, GOALS.idleShare, 2),
  ]);
} finally {
  await pool.end();
  await stack.down();
  rmSync(config.dir, { recursive: true, force: true });
}
