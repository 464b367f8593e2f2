import { expect, test } from 'vitest';
import type { Surroundings } from './check.ts';
import { cluster, connectorIdle, offsetFlush, plugin } from './connector.ts';
import { autoCreation, copies } from './kafka.ts';
import { encoding } from './postgres.ts';

// The codes that the tests cannot bring the running stack into. Their reads are made on it by every other test of the
// doctor; here is what is made of what was read.

const around = { connector: { 'connector.class': 'io.debezium.connector.postgresql.PostgresConnector' } } as unknown as Surroundings;

// The worker's plugins are jars that other stacks of the machine use as well.
test.each<[string, boolean]>([
  ['3.7.1.Final', true],
  ['3.10.0.Final', true],
  ['4.0.0.Final', true],
  ['3.6.9.Final', false],
  ['2.9.0.Final', false],
  ['', false],
])('CONNECT_PLUGIN: Debezium %s is fit: %s', (version, fit) => {
  const found = plugin.judge([{ class: around.connector['connector.class'] ?? '', type: 'source', version }], around);
  expect(found === undefined).toBe(fit);
});

test('CONNECT_PLUGIN: no Debezium at all', () => {
  expect(plugin.judge([{ class: 'another', type: 'source', version: '3.7.1' }], around)?.found).toContain('no Debezium');
});

// It would take a second cluster of Kafka.
test('CONNECT_CLUSTER: the worker writes to another cluster than everybody else reads from', () => {
  expect(cluster.judge({ connect: 'a', kafka: 'a' }, around)).toBeUndefined();
  expect(cluster.judge({ connect: 'a', kafka: 'b' }, around)?.found).toContain('cluster a, KAFKA_BROKERS is b');
});

// A broker reads it at its start only, from the file that the stack writes anew at each start.
test('TOPIC_AUTO_CREATE: the broker makes topics by itself', () => {
  expect(autoCreation.judge('false', around)).toBeUndefined();
  expect(autoCreation.judge('true', around)?.found).toContain('is true');
});

// One broker holds one copy, which every test of the doctor finds; out of that state leads a cluster only.
test('REPLICATION: fewer than three copies, or one in sync that suffices', () => {
  expect(copies.judge({ least: 3, minInSync: 2 }, around)).toBeUndefined();
  expect(copies.judge({ least: 2, minInSync: 2 }, around)?.found).toContain('2 copies');
  expect(copies.judge({ least: 3, minInSync: 1 }, around)?.found).toContain('min.insync.replicas 1');
});

// The running stack: test/full/doctor.test.ts, as it takes a minute.
test.each<[string, boolean, number[]]>([
  ['every 5 s', true, [3, 3, 3, 3, 3]],
  ['every 10 s', true, [1, 2, 1, 2, 1]],
  ['every 10 s, and the worker was away', true, [1, 2, 0, 0, 1, 1]],
  ['every 20 s', false, [1, 1, 0, 1, 1, 1]],
  ['every 20 s since a change', false, [1, 1, 0, 1, 3, 3]],
  ['every 60 s', false, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]],
  ['too few to tell', true, [0, 0, 1, 1]],
  ['none', true, []],
])('OFFSET_FLUSH: positions that are stored %s are fine: %s', (_every, fine, flushes) => {
  expect(offsetFlush.judge(flushes, around) === undefined).toBe(fine);
});

// The stack's database has one; test/other-databases.test.ts sees migrate refuse another.
test('DATABASE_ENCODING: only UTF8 holds every character', () => {
  expect(encoding.judge({ server_encoding: 'UTF8' }, around)).toBeUndefined();
  expect(encoding.judge({ server_encoding: 'LATIN1' }, around)?.found).toContain('LATIN1');
});

// Connect is in these states for moments only, unless something is wrong with it.
test.each<[string, string, string[], boolean]>([
  ['no task', 'RUNNING', [], true],
  ['an unassigned task', 'RUNNING', ['UNASSIGNED'], true],
  ['a connector between two states', 'RESTARTING', ['RUNNING'], true],
  ['all at work', 'RUNNING', ['RUNNING'], false],
  ['a failed task, which is another finding', 'RUNNING', ['FAILED'], false],
  ['a pause', 'PAUSED', [], false],
])('CONNECTOR_IDLE: %s', (_what, connector, tasks, found) => {
  const status = { connector: { state: connector }, tasks: tasks.map((state, id) => ({ id, state })) };
  expect(connectorIdle.judge(status, around) !== undefined).toBe(found);
});
