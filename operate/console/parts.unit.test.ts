import { expect, test } from 'vitest';
import { ConnectionFault } from '../../kit/connection-fault.ts';
import { checks } from '../diagnose.ts';
import { findingsOf, merged, partOf, stateOf } from './parts.ts';
import type { Snapshot } from './sources.ts';

const snapshot = (silent: [string, Error][] = []): Snapshot => ({
  ...{ at: 0, metricsAt: 0, kafkaAt: 0 },
  silent: new Map(silent) as Snapshot['silent'],
  groups: [],
  samples: new Map(),
});
const finding = (code: string, grade: 'unsafe' | 'broken' | 'weak', found = '') => ({ code, grade, found, why: 'w', remedy: 'r' });

test.each([
  ['OUTBOX_OLD', 'outbox'],
  ['POSTGRES_UNREACHABLE', 'outbox'],
  ['SLOT_LOST', 'slot'],
  ['WAL_LEVEL', 'slot'],
  ['CONNECTOR_FAILED', 'connect'],
  ['CONNECT_UNREACHABLE', 'connect'],
  ['CONNECT_LOGIN', 'connect'],
  ['POLL_INTERVAL', 'connect'],
  ['TOPIC_MISSING', 'topic'],
  ['REGISTRY_LOGIN', 'topic'],
  ['SCHEMA_NOT_STORED', 'topic'],
  ['GROUP_AHEAD', 'groups'],
  ['ACK_GROUP_UNKNOWN', 'groups'],
  ['ACK_NONE', 'cleanup'],
  ['CLEANUP_STOPPED', 'cleanup'],
])('%s is about the part %s', (code, part) => {
  expect(partOf(code)).toBe(part);
});

test('every code of the doctor that needs Connect is about the connector', () => {
  const others = checks.filter(({ code }) => /^(SLOT|TOPIC|OUTBOX|CLEANUP|GROUP|SCHEMA)/.test(code));
  expect(others.filter(({ code }) => partOf(code) === 'connect')).toEqual([]);
});

test('a fault in a snapshot is a finding at once, in the words of the doctor', () => {
  const [first] = merged([], snapshot([['connect', new Error('refused')]]), []);
  expect(first).toMatchObject({ code: 'CONNECT_UNREACHABLE', grade: 'broken', part: 'connect', found: 'refused' });
});

test('a refused login is another finding than a service that is away', () => {
  const refused = new ConnectionFault('CONNECT_LOGIN', 'refused', 'CONNECT_USERNAME and CONNECT_PASSWORD');
  const found = merged([finding('CONNECT_LOGIN', 'broken')], snapshot([['connect', refused]]), []);
  expect(found).toMatchObject([{ code: 'CONNECT_LOGIN', part: 'connect', remedy: expect.stringContaining('CONNECT_PASSWORD') as string }]);
});

test('a system that a newer snapshot reached is not unreachable', () => {
  expect(merged([finding('CONNECT_UNREACHABLE', 'broken')], snapshot(), [])).toEqual([]);
});

test('a part has the grade of its gravest finding, and is unknown before the first examination', () => {
  const all = merged([finding('SLOT_RESERVE', 'weak'), finding('SLOT_LOST', 'broken'), finding('DURABILITY', 'unsafe')], snapshot(), []);
  expect(all.map(({ grade }) => grade)).toEqual(['unsafe', 'broken', 'weak']);
  expect(stateOf(findingsOf(all, 'slot'), true)).toBe('broken');
  expect(stateOf(findingsOf(all, 'topic'), true)).toBe('well');
  expect(stateOf(findingsOf(all, 'topic'), false)).toBe('unknown');
});

test('a finding that names a group is about that group only', () => {
  const all = merged([finding('ACK_GROUP_UNKNOWN', 'broken', 'no member and never a commit: orders')], snapshot(), []);
  const names = ['orders', 'orders-2'];
  expect(findingsOf(all, 'groups', 'orders', names)).toHaveLength(1);
  expect(findingsOf(all, 'groups', 'orders-2', names)).toEqual([]);
});
