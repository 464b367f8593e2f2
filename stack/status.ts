<<<<<<< HEAD
import { execFileSync } from 'node:child_process';
import { describePipeline } from '../operate/status.ts';
import { brokerAddress, connectUrl, databaseUrl, type StackConfig } from './config.ts';
import type { Status } from './keeper.ts';
import { ACK_GROUPS } from './parts.ts';
=======
import pg from 'pg';
import { ConnectApi } from '../connect/connect-api.ts';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../connect/config.ts';
import { databaseUrl, type StackConfig } from './config.ts';
import { withAdmin } from './probes.ts';
import type { Status } from './keeper.ts';
import type { Stack } from './stack.ts';
>>>>>>> d5c2962 (stack: the same chain as containers, by compose.yaml; make up takes Docker where an engine answers)

/** The parts (state, address, memory), the outbox, the slot, the connector and the groups' lag, as text. */
export async function describeStack(config: StackConfig, stack: Stack, parts: Status[]): Promise<string> {
  const memory = await stack.memory(parts);
  const services = parts.filter(({ job }) => !job);
  const rows = services.map(({ name, state, address, restarts, cause }) => {
    const mb = memory.get(name) ?? 0;
    return { name, state, mb, text: [address ?? '', restarts > 0 ? `restarts: ${restarts}` : '', cause ?? ''].filter(Boolean).join('  ') };
  });
  const total = rows.reduce((sum, { mb }) => sum + mb, 0);
  const facts = await describePipeline({
    DATABASE_URL: databaseUrl(config, 'operator'),
    CONNECT_URL: connectUrl(config),
    KAFKA_BROKERS: [brokerAddress(config)],
    ACK_GROUPS: [...ACK_GROUPS],
  });
  return [
    ...rows.map(({ name, state, mb, text }) => `${name.padEnd(10)} ${state.padEnd(8)} ${String(mb).padStart(5)} MB  ${text}`),
    `${'in all'.padEnd(19)} ${String(total).padStart(5)} MB resident`,
    '',
    ...facts,
  ].join('\n');
}

<<<<<<< HEAD
/** Resident memory per process group, so that Postgres's children count with it. Shared pages count once per process. */
function residentMb(): Map<number, number> {
  const groups = new Map<number, number>();
  const lines = execFileSync('ps', ['-A', '-o', 'pgid=,ppid=,pid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number, number]);
  for (const [, ppid, pid, rss] of processes) {
    // Postgres's children lead groups of their own; their parent is the part.
    for (const owner of [pid, ppid]) groups.set(owner, (groups.get(owner) ?? 0) + rss);
  }
  return new Map([...groups].map(([pid, kb]) => [pid, Math.round(kb / 1024)]));
=======
async function fact(name: string, read: () => Promise<string>): Promise<string> {
  const text = await read().catch((error: unknown) => `unknown: ${String(error)}`);
  return `${name.padEnd(10)} ${text}`;
}

async function query<T extends pg.QueryResultRow>(config: StackConfig, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl(config, 'operator'), connectionTimeoutMillis: 3000 });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function outbox(config: StackConfig): Promise<string> {
  const [row] = await query<{ depth: string; oldest: string | null }>(
    config,
    'SELECT count(*) AS depth, round(extract(epoch FROM now() - min(created_at))) AS oldest FROM zap_run_outbox',
  );
  return `${row?.depth} rows wait to be acknowledged${row?.oldest == null ? '' : `, the oldest for ${row.oldest} s`}`;
}

async function slot(config: StackConfig): Promise<string> {
  const slots = await query<{ slot_name: string; active: boolean; wal_status: string; behind: string }>(
    config,
    `SELECT slot_name, active, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)) AS behind
     FROM pg_replication_slots WHERE slot_type = 'logical'`,
  );
  const describe = (one: (typeof slots)[number]) =>
    `${one.slot_name} ${one.active ? 'active' : 'not active'}, WAL ${one.wal_status}, ${one.behind} behind`;
  return slots.map(describe).join('; ') || 'missing';
}

async function connector(config: StackConfig): Promise<string> {
  const status = await new ConnectApi(`http://127.0.0.1:${config.CONNECT_PORT}`).status(CONNECTOR_NAME);
  if (status === undefined) return 'not registered';
  return `${CONNECTOR_NAME} ${status.connector.state}, ${status.tasks.map(({ id, state }) => `task ${id} ${state}`).join(', ') || 'no task'}`;
}

async function lag(config: StackConfig): Promise<string> {
  return withAdmin(`127.0.0.1:${config.KAFKA_PORT}`, async (admin) => {
    const ends = await admin.fetchTopicOffsets(EVENT_TOPIC);
    const { groups } = await admin.listGroups();
    const lines = await Promise.all(
      groups
        .filter(({ protocolType }) => protocolType === 'consumer')
        .map(async ({ groupId }) => {
          const [entry] = await admin.fetchOffsets({ groupId, topics: [EVENT_TOPIC] });
          const at = new Map(entry?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]));
          const behind = ends.reduce((sum, { partition, high }) => sum + Number(high) - (at.get(partition) ?? 0), 0);
          return `${groupId} ${behind}`;
        }),
    );
    return lines.join(', ') || 'no groups';
  });
>>>>>>> d5c2962 (stack: the same chain as containers, by compose.yaml; make up takes Docker where an engine answers)
}
