import { CONNECTOR_NAME } from '../config.ts';
import type { ConnectorStatus } from '../connect-api.ts';
import { check } from './check.ts';

const readStatus = ({ connect }: { connect: { status: (name: string) => Promise<ConnectorStatus | undefined> } }) =>
  connect.status(CONNECTOR_NAME);

export const plugin = check({
  code: 'CONNECT_PLUGIN',
  grade: 'broken',
  why: 'Versions before 3.7 can pass over events after a restart (dbz#1554, dbz#76).',
  needs: ['connect'],
  read: ({ connect }) => connect.plugins(),
  judge: (plugins, { connector }) => {
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
  why: 'Events go to the cluster that Connect is set up for; everybody else reads from this one.',
  needs: ['connect', 'kafka'],
  read: async ({ connect, admin }) => ({ connect: await connect.clusterId(), kafka: (await admin.describeCluster()).clusterId }),
  judge: (ids) =>
    ids.connect === ids.kafka
      ? undefined
      : { found: `Connect writes to the cluster ${ids.connect}, KAFKA_BROKERS is ${ids.kafka}`, remedy: 'Give both the same brokers.' },
});

export const connectorMissing = check({
  code: 'CONNECTOR_MISSING',
  grade: 'broken',
  why: 'Nothing is published. No event is lost: rows wait in the outbox.',
  needs: ['connect'],
  read: readStatus,
  judge: (status) =>
    status === undefined
      ? { found: `${CONNECTOR_NAME} is not registered`, remedy: 'npm run register. If it was paused: npm run outbox -- resume' }
      : undefined,
});

export const connectorFailed = check({
  code: 'CONNECTOR_FAILED',
  grade: 'broken',
  why: 'Nothing is published. No event is lost: rows wait in the outbox.',
  needs: ['connect'],
  read: readStatus,
  judge: (status) => {
    const parts = status === undefined ? [] : [status.connector, ...status.tasks];
    const failed = parts.find(({ state }) => state === 'FAILED');
    if (failed === undefined) return undefined;
    const cause = failed.trace?.split('\n').findLast((line) => line.startsWith('Caused by: ')) ?? failed.trace?.split('\n')[0] ?? '';
    return {
      found: `FAILED: ${cause.replace('Caused by: ', '').slice(0, 300)}`,
      remedy: 'Mend the cause. The watchdog starts it again, at growing intervals while the cause lasts.',
    };
  },
});

export const connectorPaused = check({
  code: 'CONNECTOR_PAUSED',
  grade: 'broken',
  why: 'Nothing is published, and the watchdog leaves it alone; Postgres keeps WAL for the slot meanwhile.',
  needs: ['connect', 'postgres'],
  read: async ({ pool, ...around }) => {
    const { rows } = await pool.query<{ at: Date | null; because: string | null }>(
      'SELECT paused_at AS at, paused_because AS because FROM connector_state WHERE connector = $1',
      [CONNECTOR_NAME],
    );
    return { state: (await readStatus(around))?.connector.state, at: rows[0]?.at ?? null, because: rows[0]?.because ?? null };
  },
  judge: ({ state, at, because }) => {
    if (at !== null)
      return {
        found: `paused by an operator since ${at.toISOString()}: ${because ?? 'no reason given'}`,
        remedy: 'npm run outbox -- resume',
      };
    if (state !== 'PAUSED' && state !== 'STOPPED') return undefined;
    return { found: `${state} in Connect, by hand`, remedy: 'npm run outbox -- resume' };
  },
});

export const snapshotRunning = check({
  code: 'SNAPSHOT_RUNNING',
  grade: 'weak',
  why: 'All rows that still wait are being sent again; consumers see repeats, and new events come after them.',
  needs: ['connect'],
  read: ({ connect }) => connect.storedOffset(CONNECTOR_NAME),
  judge: (offset) =>
    offset?.snapshot !== undefined && offset.snapshot !== false && offset.snapshot_completed !== true
      ? {
          found: 'the connector takes a snapshot of the outbox',
          remedy: 'Nothing: it ends by itself. make logs PART=watch says what led to it.',
        }
      : undefined,
});
