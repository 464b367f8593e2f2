import { OFFSET_TOPIC } from '../contract/names.ts';
import type { ConnectorStatus } from '../kit/connect-api.ts';
import { check, type Check, type CheckContext } from './check.ts';
import { failuresOf } from './connector-status.ts';
import { describePause, readConnectorState } from './state.ts';

const readStatus = ({ connect, shard }: Pick<CheckContext, 'connect' | 'shard'>): Promise<ConnectorStatus | undefined> =>
  connect.status(shard.connector);

export const plugin = check({
  code: 'CONNECT_PLUGIN',
  grade: 'broken',
  why: 'Versions before 3.7 can skip events after a restart (dbz#1554, dbz#76).',
  needs: ['connect'],
  read: ({ connect }) => connect.plugins(),
  evaluate: (plugins, { connector }) => {
    const found = plugins.find((candidate) => candidate.class === connector['connector.class']);
    const [major = 0, minor = 0] = (found?.version ?? '').split('.').map(Number);
    if (found !== undefined && (major > 3 || (major === 3 && minor >= 7))) return undefined;
    return {
      found:
        found === undefined
          ? 'Connect has no Debezium Postgres connector'
          : `Debezium ${found.version}, which can lose events on a restart`,
      remedy: 'Put Debezium 3.7.0.Final or newer into plugin.path (connect/pom.xml fetches it) and restart Connect.',
    };
  },
});

export const cluster = check({
  code: 'CONNECT_CLUSTER',
  grade: 'broken',
  why: 'Connect writes events to its own cluster; consumers and cleanup read from the one in KAFKA_BROKERS.',
  needs: ['connect', 'kafka'],
  read: async ({ connect, admin }) => ({ connect: await connect.clusterId(), kafka: (await admin.describeCluster()).clusterId }),
  evaluate: (ids) =>
    ids.connect === ids.kafka
      ? undefined
      : { found: `Connect writes to the cluster ${ids.connect}, KAFKA_BROKERS is ${ids.kafka}`, remedy: 'Give both the same brokers.' },
});

const connectorMissing = check({
  code: 'CONNECTOR_MISSING',
  grade: 'broken',
  why: 'Nothing is published. No event is lost: rows wait in the outbox.',
  needs: ['connect'],
  read: readStatus,
  evaluate: (status, { shard }) =>
    status === undefined
      ? { found: `${shard.connector} is not registered`, remedy: 'npm run register. If it was paused: npm run outbox -- resume' }
      : undefined,
});

const connectorFailed = check({
  code: 'CONNECTOR_FAILED',
  grade: 'broken',
  why: 'Nothing is published. No event is lost: rows wait in the outbox.',
  needs: ['connect'],
  read: readStatus,
  evaluate: (status) => {
    const failures = failuresOf(status);
    if (failures.length === 0) return undefined;
    return {
      found: `FAILED: ${failures.join('; ')}`,
      remedy: 'Fix the cause. The watchdog restarts the connector, at growing intervals while the cause lasts.',
    };
  },
});

const BUSY = ['RUNNING', 'FAILED', 'PAUSED', 'STOPPED'];

export const connectorIdle = check({
  code: 'CONNECTOR_IDLE',
  grade: 'broken',
  why: 'Nothing is published. No event is lost: rows wait in the outbox.',
  needs: ['connect'],
  read: readStatus,
  evaluate: (status) => {
    if (status === undefined || ['PAUSED', 'STOPPED', 'FAILED'].includes(status.connector.state)) return undefined;
    const states = [status.connector, ...status.tasks].map(({ state }) => state);
    if (status.tasks.length > 0 && states.every((state) => BUSY.includes(state))) return undefined;
    return {
      found: status.tasks.length === 0 ? 'the connector has no task' : `connector and task are ${states.join(', ')}`,
      remedy:
        'The watchdog restarts it after a minute (npm run watch). If that does not help, restart the worker and see make logs PART=connect',
    };
  },
});

const connectorPaused = check({
  code: 'CONNECTOR_PAUSED',
  grade: 'broken',
  why: 'Nothing is published, and the watchdog leaves it alone; Postgres keeps WAL for the slot meanwhile.',
  needs: ['connect', 'postgres'],
  read: async ({ pool, ...context }) => ({
    state: (await readStatus(context))?.connector.state,
    paused: (await readConnectorState(pool)).paused,
  }),
  evaluate: ({ state, paused }) => {
    if (paused !== undefined)
      return {
        found: describePause(paused),
        remedy: 'npm run outbox -- resume',
      };
    if (state !== 'PAUSED' && state !== 'STOPPED') return undefined;
    return { found: `${state} in Connect, by hand`, remedy: 'npm run outbox -- resume' };
  },
});

const snapshotRunning = check({
  code: 'SNAPSHOT_RUNNING',
  grade: 'weak',
  why: 'All waiting rows are being sent again. Consumers see repeats, and new events come after them.',
  needs: ['connect'],
  read: ({ connect, shard }) => connect.storedOffset(shard.connector),
  evaluate: (offset) =>
    offset?.snapshot !== undefined && offset.snapshot !== false && offset.snapshot_completed !== true
      ? {
          found: 'the connector takes a snapshot of the outbox',
          remedy: 'Nothing: it ends by itself. make logs PART=watch shows its cause.',
        }
      : undefined,
});

const exactlyOnce = check({
  code: 'EXACTLY_ONCE',
  grade: 'broken',
  why: 'The connector requires exactly-once, but the worker writes event and position separately, so a crash of Connect repeats events.',
  needs: ['connect'],
  read: async ({ connect, connector, shard }) => ({
    support: (await connect.config(shard.connector))?.['exactly.once.support'],
    worker: await connect.isExactlyOnce(connector['connector.class'] ?? ''),
  }),
  evaluate: ({ support, worker }) =>
    support === 'required' && !worker
      ? {
          found: 'exactly.once.support of the connector is required, exactly.once.source.support of the worker is not enabled',
          remedy: 'Start the worker with EXACTLY_ONCE=enabled; or, as the worker alone decides: npm run register puts "requested" back.',
        }
      : undefined,
});

/** Heartbeats move the position every five seconds, and it is stored every second. */
const STILL_MS = 40_000;

const connectorStuck = check({
  code: 'CONNECTOR_STUCK',
  grade: 'broken',
  why: 'The connector runs without progress: rows wait in the outbox, and Postgres keeps WAL for the slot.',
  needs: ['connect', 'kafka'],
  read: async ({ connect, admin, shard }) => {
    const status = await connect.status(shard.connector);
    const runs = status !== undefined && [status.connector, ...status.tasks].every(({ state }) => state === 'RUNNING');
    if (!runs || !(await admin.listTopics()).includes(OFFSET_TOPIC)) return { still: false, offset: undefined };
    const since = await admin.fetchTopicOffsetsByTimestamp(OFFSET_TOPIC, Date.now() - STILL_MS);
    const ends = await admin.fetchTopicOffsets(OFFSET_TOPIC);
    const stored = ends.some(({ partition, high }) =>
      since.some((one) => one.partition === partition && BigInt(one.offset) < BigInt(high)),
    );
    return { still: !stored, offset: stored ? undefined : await connect.storedOffset(shard.connector) };
  },
  evaluate: ({ still, offset }) =>
    // A snapshot stores its position as it progresses, but the first read of a large table may take long.
    still && (offset?.snapshot === undefined || offset.snapshot === false || offset.snapshot_completed === true)
      ? {
          found: `the connector is RUNNING and has stored no position for ${STILL_MS / 1000} s`,
          remedy:
            'The watchdog restarts it twice, then makes a new slot (npm run watch). The errors of Kafka and the connector: make logs PART=connect',
        }
      : undefined,
});

const HEARTBEAT_MS = 5000;
const STEP_MS = 15_000;
const STEPS = 12;

export const offsetFlush = check({
  code: 'OFFSET_FLUSH',
  grade: 'weak',
  why: 'After a crash, Connect publishes again everything since the last flush of its position.',
  needs: ['connect', 'kafka'],
  // No interface tells offset.flush.interval.ms. But each heartbeat moves the position, and each flush stores it.
  read: async ({ connect, admin, shard }): Promise<number[]> => {
    const heartbeat = Number((await connect.config(shard.connector))?.['heartbeat.interval.ms'] ?? 0);
    if (!(heartbeat > 0 && heartbeat <= HEARTBEAT_MS) || !(await admin.listTopics()).includes(OFFSET_TOPIC)) return [];
    const now = Date.now();
    const count = async (ago: number) => {
      const starts = await admin.fetchTopicOffsetsByTimestamp(OFFSET_TOPIC, now - ago * STEP_MS);
      return starts.reduce((sum, { offset }) => sum + Number(offset), 0);
    };
    const offsets = await Promise.all(Array.from({ length: STEPS + 1 }, (_, ago) => count(ago)));
    return offsets.slice(1).map((offset, n) => (offsets[n] ?? 0) - offset);
  },
  /** @param flushes how many there were in each step of 15 seconds, the newest first */
  evaluate: (flushes) => {
    // Up to an interval of 10 seconds, most steps have two flushes. One or none: the worker was started or stopped in it.
    const flushed = flushes.filter((count) => count > 0);
    return flushed.length >= 3 && flushed.every((count) => count === 1)
      ? {
          found: 'Connect stores its position less often than every 10 s',
          remedy: 'Set offset.flush.interval.ms=1000 in connect/worker.properties and restart the worker; or switch exactly-once on.',
        }
      : undefined;
  },
});

/** About the worker. */
export const workerChecks: readonly Check[] = [plugin, cluster];

/** About each shard's connector, in the order in which a finding explains those after it. */
export const connectorChecks: readonly Check[] = [
  connectorMissing,
  connectorFailed,
  connectorPaused,
  connectorIdle,
  connectorStuck,
  snapshotRunning,
  exactlyOnce,
  offsetFlush,
];
