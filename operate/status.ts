import { z } from 'zod';
import { RECONCILE_EVERY_MS } from '../cleanup/state.ts';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../contract/names.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { nothing, parseArguments } from './arguments.ts';
import type { Config } from './config.ts';
import { withAdmin } from './kafka.ts';
import { consumerGroups, readLag } from './lag.ts';
import { withPostgres } from './postgres.ts';
import type { Verb } from './verb.ts';

type StatusConfig = Pick<Config, 'DATABASE_URL' | 'CONNECT_URL' | 'KAFKA_BROKERS' | 'ACK_GROUPS'>;

export const status: Verb = {
  usage: '',
  about: 'the outbox, the slot, the connector, cleanup, and how far each consumer group is behind',
  run: async (args, config) => {
    parseArguments(args, {}, z.object({ _: nothing() }));
    const lines = await describePipeline(config);
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  },
};

/** One line per fact. What cannot be asked is a line too, with the reason. */
export async function describePipeline(config: StatusConfig): Promise<string[]> {
  return Promise.all([
    fact('outbox', () => outbox(config)),
    fact('slot', () => slot(config)),
    fact('connector', () => connector(config)),
    fact('cleanup', () => cleanup(config)),
    fact('lag', () => lag(config)),
  ]);
}

async function fact(name: string, read: () => Promise<string>): Promise<string> {
  const text = await read().catch((error: unknown) => `unknown: ${error instanceof Error ? error.message : String(error)}`);
  return `${name.padEnd(10)} ${text}`;
}

const rows = <T extends object>(config: StatusConfig, sql: string, values: unknown[] = []): Promise<T[]> =>
  withPostgres(config.DATABASE_URL, async (pool) => (await pool.query<T>(sql, values)).rows);

async function outbox(config: StatusConfig): Promise<string> {
  const [row] = await rows<{ depth: string; oldest: string | null; dead: string }>(
    config,
    `SELECT count(*) AS depth, round(extract(epoch FROM now() - min(created_at))) AS oldest,
            (SELECT count(*) FROM outbox_dead) AS dead FROM zap_run_outbox`,
  );
  const oldest = row?.oldest == null ? '' : `, the oldest for ${row.oldest} s`;
  const dead = row === undefined || row.dead === '0' ? '' : `; ${row.dead} are dead: outbox dead list`;
  return `${row?.depth} rows wait to be acknowledged${oldest}${dead}`;
}

async function slot(config: StatusConfig): Promise<string> {
  const slots = await rows<{ slot_name: string; active: boolean; wal_status: string; behind: string }>(
    config,
    `SELECT slot_name, active, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)) AS behind
     FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()`,
  );
  const describe = (one: (typeof slots)[number]) =>
    `${one.slot_name} ${one.active ? 'active' : 'not active'}, WAL ${one.wal_status}, ${one.behind} behind`;
  return slots.map(describe).join('; ') || 'missing';
}

async function connector(config: StatusConfig): Promise<string> {
  const [found, [state]] = await Promise.all([
    new ConnectApi(config.CONNECT_URL).status(CONNECTOR_NAME),
    rows<{ at: Date | null; because: string | null }>(
      config,
      'SELECT paused_at AS at, paused_because AS because FROM connector_state WHERE connector = $1',
      [CONNECTOR_NAME],
    ),
  ]);
  const paused = state?.at == null ? '' : `; paused by an operator since ${state.at.toISOString()}: ${state.because ?? 'no reason given'}`;
  if (found === undefined) return `not registered${paused}`;
  const tasks = found.tasks.map(({ id, state: is }) => `task ${id} ${is}`).join(', ') || 'no task';
  return `${CONNECTOR_NAME} ${found.connector.state}, ${tasks}${paused}`;
}

async function cleanup(config: StatusConfig): Promise<string> {
  const [state] = await rows<{ code: string | null; detail: string | null; reconciler: string; seconds: number }>(
    config,
    `SELECT stop_code AS code, stop_detail AS detail, reconciler, round(extract(epoch FROM now() - reconciler_at))::int AS seconds
     FROM cleanup_state WHERE topic = $1`,
    [EVENT_TOPIC],
  );
  if (state === undefined) return 'has not begun';
  return `${state.code === null ? 'works' : `STOPPED ${state.code}: ${state.detail}`}; reconciler ${reconciler(state)}`;
}

function reconciler({ reconciler: text, seconds }: { reconciler: string; seconds: number }): string {
  if (text !== 'not started') return text;
  const left = RECONCILE_EVERY_MS / 1000 - seconds;
  return left >= 0 ? `looks for the first time within ${left} s` : `has not looked for ${seconds} s: make logs PART=cleanup`;
}

async function lag({ KAFKA_BROKERS, ACK_GROUPS }: StatusConfig): Promise<string> {
  return withAdmin(KAFKA_BROKERS, async (admin) => {
    const groups = await consumerGroups(admin);
    const lags = await readLag(admin, EVENT_TOPIC, groups);
    const { groups: described } = await admin.describeGroups(groups);
    const empty = new Set(described.filter(({ members }) => members.length === 0).map(({ groupId }) => groupId));
    const lines = lags.map(({ group, records, exact }) => {
      const notes = [ACK_GROUPS.includes(group) ? 'cleanup waits for it' : '', empty.has(group) ? 'nobody is in it' : ''].filter(Boolean);
      return `${group} ${exact ? '' : 'about '}${records}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
    });
    return lines.join(', ') || 'no groups';
  });
}
