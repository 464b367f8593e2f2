import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ConnectorConfig } from '../connect-api.ts';
import { check, makeChecks, type Fault, type Surroundings } from './check.ts';
import { cluster, connectorFailed, plugin, snapshotRunning } from './connector.ts';
import { autoCreation, copies, recordSize, topicMissing } from './kafka.ts';
import { slotRoom, walLevel } from './postgres.ts';
import { lsn, slotAhead, slotReserve } from './slot.ts';

// The checks whose state cannot be brought about on the running stack, or not without stopping it: what they say of
// answers such as Postgres, Kafka and Connect give.

const connector = JSON.parse(readFileSync(new URL('../outbox-connector.json', import.meta.url), 'utf8')) as ConnectorConfig;
const around = { connector, cdcUser: 'cdc' } as Surroundings;
const debezium = (version: string) => [{ class: 'io.debezium.connector.postgresql.PostgresConnector', type: 'source', version }];
const slot = { active: true, wal_status: 'reserved', safe: '4000000000', kept: '1000', confirmed: '0/1' };

const cases: [string, Fault | undefined, RegExp | undefined][] = [
  ['WAL_LEVEL', walLevel.judge({ wal_level: 'replica' }, around), /^wal_level is replica$/],
  ['WAL_LEVEL, well', walLevel.judge({ wal_level: 'logical' }, around), undefined],
  ['SLOT_ROOM', slotRoom.judge({ used: 4, room: 4, ours: false }, around), /all 4 replication slots are taken/],
  ['SLOT_ROOM, one of them ours', slotRoom.judge({ used: 4, room: 4, ours: true }, around), undefined],
  ['CONNECT_PLUGIN, missing', plugin.judge([], around), /no Debezium/],
  ['CONNECT_PLUGIN, old', plugin.judge(debezium('3.6.1.Final'), around), /3\.6\.1\.Final/],
  ['CONNECT_PLUGIN, well', plugin.judge(debezium('3.7.0.Final'), around), undefined],
  ['CONNECT_PLUGIN, next', plugin.judge(debezium('4.0.0.Final'), around), undefined],
  ['CONNECT_CLUSTER', cluster.judge({ connect: 'a', kafka: 'b' }, around), /cluster a, KAFKA_BROKERS is b/],
  ['CONNECT_CLUSTER, well', cluster.judge({ connect: 'a', kafka: 'a' }, around), undefined],
  ['RECORD_SIZE', recordSize.judge(500_000, around), /message\.max\.bytes\) takes 500000 bytes/],
  ['RECORD_SIZE, well', recordSize.judge(1_048_588, around), undefined],
  ['TOPIC_MISSING', topicMissing.judge(['other'], around), /no topic zap-run\.events/],
  ['TOPIC_AUTO_CREATE', autoCreation.judge('true', around), /auto\.create\.topics\.enable is true/],
  ['TOPIC_AUTO_CREATE, well', autoCreation.judge('false', around), undefined],
  ['REPLICATION', copies.judge({ least: 3, minInSync: 1 }, around), /3 copies of each record, min\.insync\.replicas 1/],
  ['REPLICATION, well', copies.judge({ least: 3, minInSync: 2 }, around), undefined],
  ['SNAPSHOT_RUNNING', snapshotRunning.judge({ snapshot: 'INITIAL', snapshot_completed: false }, around), /snapshot/],
  ['SNAPSHOT_RUNNING, done', snapshotRunning.judge({ lsn: 1 }, around), undefined],
  ['SLOT_RESERVE', slotReserve.judge({ ...slot, wal_status: 'unreserved', safe: '-5' }, around), /0 are left/],
  ['SLOT_RESERVE, no limit', slotReserve.judge({ ...slot, safe: null }, around), undefined],
  ['SLOT_AHEAD', slotAhead.judge({ confirmed: lsn('0/20'), stored: lsn('0/10') }, around), /16 bytes beyond/],
  ['SLOT_AHEAD, equal', slotAhead.judge({ confirmed: lsn('1/0'), stored: lsn('1/0') }, around), undefined],
  [
    'CONNECTOR_FAILED',
    connectorFailed.judge(
      { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'FAILED', trace: 'a\n\tat b\nCaused by: c: d\n\tat e' }] },
      around,
    ),
    /^FAILED: c: d$/,
  ],
];

test.each(cases)('%s', (_what, fault, expected) => {
  if (expected === undefined) expect(fault).toBeUndefined();
  else {
    expect(fault?.found).toMatch(expected);
    expect(fault?.remedy.length).toBeGreaterThan(10);
  }
});

test('a position is read as Postgres writes it', () => {
  expect(lsn('0/1E35990')).toBe(0x1e35990n);
  expect(lsn('16/B374D848')).toBe(0x16b374d848n);
});

describe('a check', () => {
  const about = { code: 'X', grade: 'weak', why: 'because', needs: [] } as const;
  test('that cannot be made is a finding with the reason', async () => {
    const broken = check({ ...about, read: async () => Promise.reject(new Error('no route')), judge: () => undefined });
    const [finding] = await makeChecks([broken], around);
    expect(finding).toMatchObject({ code: 'X', grade: 'weak', why: 'because', found: 'could not be checked: no route' });
  });

  test('that finds nothing is no finding', async () => {
    expect(await makeChecks([check({ ...about, read: async () => 1, judge: () => undefined })], around)).toEqual([]);
  });
});
