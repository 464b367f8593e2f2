import { expect, test } from 'vitest';
import { check, runChecks, type CheckContext } from './check.ts';
import { cluster, connectorIdle, offsetFlush, plugin } from './connector.ts';
import { copies, inSync } from './copies.ts';
import { autoCreation } from './kafka.ts';
import { encoding } from './postgres.ts';
import { walHeld } from './wal.ts';

// Codes for states that tests cannot produce on the running stack. The other tests of the doctor run their reads there;
// these tests run their evaluations.

const context = { connector: { 'connector.class': 'io.debezium.connector.postgresql.PostgresConnector' } } as unknown as CheckContext;

// The worker's jars are shared with other stacks on the same machine, so a test cannot replace them.
test.each<[string, boolean]>([
  ['3.7.1.Final', true],
  ['3.10.0.Final', true],
  ['4.0.0.Final', true],
  ['3.6.9.Final', false],
  ['2.9.0.Final', false],
  ['', false],
])('CONNECT_PLUGIN: Debezium %s is accepted: %s', (version, fit) => {
  const found = plugin.evaluate([{ class: context.connector['connector.class'] ?? '', type: 'source', version }], context);
  expect(found === undefined).toBe(fit);
});

test('CONNECT_PLUGIN: no Debezium at all', () => {
  expect(plugin.evaluate([{ class: 'another', type: 'source', version: '3.7.1' }], context)?.found).toContain('no Debezium');
});

// It needs a second Kafka cluster.
test('CONNECT_CLUSTER: the worker writes to another cluster than the one that consumers read', () => {
  expect(cluster.evaluate({ connect: 'a', kafka: 'a' }, context)).toBeUndefined();
  expect(cluster.evaluate({ connect: 'a', kafka: 'b' }, context)?.found).toContain('cluster a, KAFKA_BROKERS is b');
});

// A broker reads it only at its start, from a file that the stack rewrites at each start.
test('TOPIC_AUTO_CREATE: the broker creates topics by itself', () => {
  expect(autoCreation.evaluate(new Map([['auto.create.topics.enable', 'false']]), context)).toBeUndefined();
  expect(autoCreation.evaluate(new Map([['auto.create.topics.enable', 'true']]), context)?.found).toContain('is true');
});

// A single broker always has this finding. Only a cluster can be without it.
test('REPLICATION: fewer than three copies, or a min.insync.replicas of 1', () => {
  expect(copies.evaluate({ least: 3, inSync: 3, minInSync: 2 }, context)).toBeUndefined();
  expect(copies.evaluate({ least: 2, inSync: 2, minInSync: 2 }, context)?.found).toContain('2 copies');
  expect(copies.evaluate({ least: 3, inSync: 3, minInSync: 1 }, context)?.found).toContain('min.insync.replicas 1');
});

test('TOPIC_IN_SYNC: fewer copies in sync than the topic demands, with what ends it', () => {
  expect(inSync.evaluate({ least: 3, inSync: 2, minInSync: 2 }, context)).toBeUndefined();
  expect(inSync.evaluate({ least: 3, inSync: 1, minInSync: 2 }, context)?.remedy).toContain('Start the brokers');
  expect(inSync.evaluate({ least: 1, inSync: 1, minInSync: 2 }, context)?.remedy).toContain('min.insync.replicas=1');
});

// archive_mode and max_prepared_transactions are read at the start of Postgres, and the stack has neither.
test('WAL_HELD: archiving fails, or a prepared transaction was forgotten', () => {
  const none = { unarchived: null, prepared: null, hours: null };
  expect(walHeld.evaluate(none, context)).toBeUndefined();
  expect(walHeld.evaluate({ ...none, prepared: 'theirs', hours: 0 }, context)).toBeUndefined();
  expect(walHeld.evaluate({ ...none, prepared: 'theirs', hours: 30 }, context)?.remedy).toContain("ROLLBACK PREPARED 'theirs'");
  expect(walHeld.evaluate({ ...none, unarchived: '00000001000000000000002A' }, context)?.found).toContain('fails at 0000');
});

// test/full/doctor.test.ts checks it on the running stack, which takes a minute.
test.each<[string, boolean, number[]]>([
  ['every 5 s', true, [3, 3, 3, 3, 3]],
  ['every 10 s', true, [1, 2, 1, 2, 1]],
  ['every 10 s, and the worker was away', true, [1, 2, 0, 0, 1, 1]],
  ['every 20 s', false, [1, 1, 0, 1, 1, 1]],
  ['every 20 s for a minute only, or by a worker that was started and stopped', true, [1, 1, 0, 1, 3, 3]],
  ['every 60 s', false, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]],
  ['too few to tell', true, [0, 0, 1, 1]],
  ['none', true, []],
])('OFFSET_FLUSH: positions stored %s are fine: %s', (_every, fine, flushes) => {
  expect(offsetFlush.evaluate(flushes, context) === undefined).toBe(fine);
});

// The stack's database is UTF8. test/other-databases.test.ts tests that migrate refuses another encoding.
test('DATABASE_ENCODING: only UTF8 holds every character', () => {
  expect(encoding.evaluate({ server_encoding: 'UTF8' }, context)).toBeUndefined();
  expect(encoding.evaluate({ server_encoding: 'LATIN1' }, context)?.found).toContain('LATIN1');
});

// A healthy Connect is in these states only for moments.
test.each<[string, string, string[], boolean]>([
  ['no task', 'RUNNING', [], true],
  ['an unassigned task', 'RUNNING', ['UNASSIGNED'], true],
  ['a connector between two states', 'RESTARTING', ['RUNNING'], true],
  ['all at work', 'RUNNING', ['RUNNING'], false],
  ['a failed task, which is another finding', 'RUNNING', ['FAILED'], false],
  ['a pause', 'PAUSED', [], false],
])('CONNECTOR_IDLE: %s', (_what, connector, tasks, found) => {
  const status = { connector: { state: connector }, tasks: tasks.map((state, id) => ({ id, state })) };
  expect(connectorIdle.evaluate(status, context) !== undefined).toBe(found);
});

test('checks with the same read share one answer, and a failed read is a finding of each', async () => {
  let reads = 0;
  const parts = { grade: 'weak', why: 'w', needs: [] } as const;
  const read = async () => (reads += 1);
  const fails = async (): Promise<number> => Promise.reject(new Error('away'));
  const evaluate = (value: number) => ({ found: `read ${value}`, remedy: 'r' });
  const all = [
    check({ ...parts, code: 'A', read, evaluate }),
    check({ ...parts, code: 'B', read, evaluate }),
    check({ ...parts, code: 'C', read: fails, evaluate }),
    check({ ...parts, code: 'D', read: fails, evaluate }),
  ];
  const found = async () => (await runChecks(all, context)).map((finding) => `${finding.code} ${finding.found}`);
  expect(await found()).toEqual(['A read 1', 'B read 1', 'C could not be checked: away', 'D could not be checked: away']);
  // The next round asks again.
  expect((await found())[0]).toBe('A read 2');
});
