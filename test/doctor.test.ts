import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONNECTOR_NAME, EVENT_SUBJECT, EVENT_TOPIC } from '../contract/names.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { diagnose } from '../operate/diagnose.ts';
import { adminClient } from './support/kafka.ts';
import { connect, connectorStates, deleteConnector, slotIs, untilRunning } from './support/connector.ts';
import { always, asAdmin, codes, connectorConfig, doctor, expectFound, postgresSetting, untilFound } from './support/doctor.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { postInTurn } from './support/post.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';
import { askRegistry, json } from './support/http.ts';

let admin: Admin;
let original: ConnectorConfig;

// The watchdog would repair most of it before the doctor sees it.
beforeAll(async () => {
  await stop('watch');
  admin = adminClient().admin();
  await admin.connect();
  original = await connectorConfig();
});
afterAll(async () => {
  await admin.disconnect();
  await start('watch');
  await untilUp('watch');
});

test('finds only the single broker while all is well', async () => {
  await waitFor('all is well', async () => (await codes()).join() === always, 60_000);
  expect(await outbox('doctor')).toMatchObject({ code: 0, stderr: '' });
});

test.each<[string, string, string]>([
  ['unsafe DURABILITY', 'synchronous_commit', 'off'],
  ['weak WAL_UNBOUNDED', 'max_slot_wal_keep_size', '-1'],
])('%s: %s is %s', async (finding, name, value) => {
  await expectFound(
    finding,
    () => postgresSetting(name, value),
    () => postgresSetting(name, undefined),
  );
});

test.each<[string, string, string]>([
  ['broken MIGRATIONS', 'ALTER TABLE event_schema RENAME TO moved', 'ALTER TABLE moved RENAME TO event_schema'],
  [
    'broken OUTBOX_GUARD',
    'ALTER TABLE zap_run_outbox DISABLE TRIGGER zap_run_outbox_no_update',
    'ALTER TABLE zap_run_outbox ENABLE TRIGGER zap_run_outbox_no_update',
  ],
  ['broken PUBLICATION', `ALTER PUBLICATION zap_run_outbox SET (publish = 'insert, delete')`, 'SELECT outbox_restore_publication()'],
  [
    'broken PUBLICATION',
    `ALTER PUBLICATION zap_run_outbox SET TABLE zap_run_outbox WHERE (id <> '00000000-0000-0000-0000-000000000000')`,
    'SELECT outbox_restore_publication()',
  ],
  [
    'broken PUBLICATION',
    'ALTER PUBLICATION zap_run_outbox SET TABLE zap_run_outbox (id, seq, aggregatetype, aggregateid, type, payload, resends)',
    'SELECT outbox_restore_publication()',
  ],
  ['broken PUBLICATION', 'ALTER PUBLICATION zap_run_outbox ADD TABLES IN SCHEMA public', 'SELECT outbox_restore_publication()'],
  ['broken SLOT_ROLE', 'ALTER FUNCTION outbox_drop_slot() OWNER TO outbox_owner', 'ALTER FUNCTION outbox_drop_slot() OWNER TO outbox_slot'],
  ['broken CDC_LOGIN', 'REVOKE outbox_cdc FROM cdc', 'GRANT outbox_cdc TO cdc'],
  [
    'broken SCHEMA_ID_CHANGED',
    `INSERT INTO event_schema VALUES ('a test', repeat('0', 64), 999999, '{}')`,
    `DELETE FROM event_schema WHERE subject = 'a test'`,
  ],
  [
    'broken OUTBOX_BURIED',
    `INSERT INTO outbox_dead SELECT gen_random_uuid(), 1, 'zap-run', 'u/z', 'T', '\\x00', NULL, 0, now(), 'a test', now(), 'BY_HAND'`,
    `DELETE FROM outbox_dead WHERE reason = 'a test'`,
  ],
  [
    'broken SCHEMA_NOT_STORED',
    `UPDATE event_schema SET fingerprint = repeat('0', 64) WHERE subject = '${EVENT_SUBJECT}'; CREATE TABLE was AS SELECT 1`,
    'DROP TABLE IF EXISTS was',
  ],
])('%s: %s', async (finding, breaking, repairing) => {
  // ALTER SYSTEM cannot be one of several statements.
  const run = async (sql: string) => {
    for (const one of sql.split('; ')) await asAdmin(one);
    await asAdmin('SELECT pg_reload_conf()');
  };
  const [kept] = await query<{ fingerprint: string }>('SELECT fingerprint FROM event_schema WHERE subject = $1', [EVENT_SUBJECT]);
  await expectFound(
    finding,
    () => run(breaking),
    async () => {
      await run(repairing);
      await query('UPDATE event_schema SET fingerprint = $2 WHERE subject = $1', [EVENT_SUBJECT, kept?.fingerprint]);
    },
  );
});

test.each<[string, string, string]>([
  ['unsafe ERRORS_TOLERANCE', 'errors.tolerance', 'all'],
  ['unsafe FAILURE_MODE', 'event.processing.failure.handling.mode', 'warn'],
  ['unsafe OFFSET_STRATEGY', 'offset.mismatch.strategy', 'trust_slot'],
  ['broken LSN_FLUSH', 'lsn.flush.mode', 'manual'],
  ['unsafe SNAPSHOT_MODE', 'snapshot.mode', 'no_data'],
  ['unsafe SNAPSHOT_ORDER', 'snapshot.select.statement.overrides.public.zap_run_outbox', 'SELECT * FROM public.zap_run_outbox'],
  ['broken HEARTBEAT', 'heartbeat.interval.ms', '0'],
  ['broken TRANSACTION_METADATA', 'provide.transaction.metadata', 'true'],
  ['broken POLL_INTERVAL', 'poll.interval.ms', '500'],
  ['broken TRANSACTION_BOUNDARY', 'transaction.boundary', 'interval'],
  ['unsafe KEY_CONVERTER', 'key.converter', 'org.apache.kafka.connect.json.JsonConverter'],
  ['unsafe VALUE_CONVERTER', 'value.converter', 'org.apache.kafka.connect.json.JsonConverter'],
  ['unsafe HEADER_CONVERTER', 'header.converter', 'org.apache.kafka.connect.storage.SimpleHeaderConverter'],
  ['broken PRODUCER_LIMIT', 'producer.override.max.request.size', '500000'],
  ['unsafe ROUTED_TOPIC', 'transforms.outbox.route.topic.replacement', 'elsewhere'],
  ['unsafe ROUTER_PREDICATE', 'transforms.outbox.predicate', ''],
  ['unsafe CONNECTOR_ALTERED', 'transforms.outbox.table.field.event.key', 'aggregatetype'],
  ['unsafe CONNECTOR_ALTERED', 'table.include.list', 'public.zap_run'],
  ['broken CONNECTOR_DRIFT', 'max.batch.size', '1024'],
])('%s: the connector runs with %s=%s', async (finding, key, value) => {
  const others = Object.fromEntries(Object.entries(original).filter(([name]) => name !== key));
  await expectFound(
    finding,
    () => connect.put(CONNECTOR_NAME, value === '' ? others : { ...original, [key]: value }),
    () => connect.put(CONNECTOR_NAME, original),
  );
});

let topicBefore: Record<string, string> = {};
const topicConfig = (name: string, value: string) =>
  admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: EVENT_TOPIC,
        configEntries: Object.entries({ ...topicBefore, [name]: value }).map(([key, one]) => ({ name: key, value: one })),
      },
    ],
  });

test.each<[string, string, string]>([
  ['unsafe TOPIC_COMPACTED', 'cleanup.policy', 'compact,delete'],
  ['unsafe TOPIC_UNCLEAN', 'unclean.leader.election.enable', 'true'],
  ['unsafe TOPIC_CLOCK', 'message.timestamp.type', 'CreateTime'],
  ['unsafe TOPIC_RETENTION', 'retention.ms', '3600000'],
  ['unsafe TOPIC_RETENTION_BYTES', 'retention.bytes', '1000000'],
  ['broken TOPIC_COMPRESSION', 'compression.type', 'lz4'],
  ['broken TOPIC_RECORD_SIZE', 'max.message.bytes', '100000'],
  ['broken TOPIC_IN_SYNC', 'min.insync.replicas', '4'],
])('%s: the topic has %s=%s', async (finding, name, value) => {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: EVENT_TOPIC }],
  });
  // Only settings of the topic itself: an alteration replaces all of them.
  const own = resources[0]?.configEntries.filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG) ?? [];
  topicBefore = Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
  const [name0 = '', value0 = ''] = Object.entries(topicBefore)[0] ?? [];
  await expectFound(
    finding,
    async () => {
      // Cleanup would see a compacted topic too, and stop until an operator accepts the topic.
      await stop('cleanup');
      await topicConfig(name, value);
    },
    async () => {
      await topicConfig(name0, value0);
      await start('cleanup');
      await untilUp('cleanup');
    },
  );
});

test('broken CONNECTOR_PAUSED: by outbox pause, and by hand in Connect', async () => {
  await expectFound(
    'broken CONNECTOR_PAUSED',
    () => outbox('pause'),
    () => outbox('resume'),
  );
  await expectFound(
    'broken CONNECTOR_PAUSED',
    () => connect.pause(CONNECTOR_NAME),
    () => connect.resume(CONNECTOR_NAME),
  );
});

test('broken CONNECTOR_FAILED: the connector may not log in', async () => {
  await expectFound(
    'broken CONNECTOR_FAILED',
    async () => {
      await asAdmin('ALTER ROLE cdc NOLOGIN');
      await asAdmin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cdc'`);
    },
    async () => {
      await asAdmin('ALTER ROLE cdc LOGIN');
      await waitFor('it has failed', async () => (await connectorStates()).includes('FAILED'), 60_000);
      await connect.restart(CONNECTOR_NAME, true);
    },
  );
  await untilRunning();
});

test('broken CONNECTOR_MISSING, SLOT_UNREAD and SLOT_MISSING: deleted, and then its slot is dropped', async () => {
  await expectFound(
    'broken CONNECTOR_MISSING',
    async () => {
      await deleteConnector();
      await waitFor('the slot is not read', async () => !(await slotIs('active')));
      await waitFor('SLOT_UNREAD is found', async () => (await codes()).includes('broken SLOT_UNREAD'));
      await asAdmin(`SELECT pg_drop_replication_slot('zap_run_outbox')`);
      await waitFor('SLOT_MISSING is found', async () => (await codes()).includes('broken SLOT_MISSING'));
    },
    () => connect.put(CONNECTOR_NAME, original),
  );
  await untilRunning();
});

test.each([
  ['weak SLOT_RESERVE', 3, '64MB'],
  ['broken SLOT_LOST', 5, '32MB'],
])('%s: nobody reads while %d files of WAL are written, and %s may be kept', { timeout: 120_000 }, async (finding, files, limit) => {
  await stop('connect');
  await expectFound(
    finding,
    async () => {
      await postgresSetting('max_slot_wal_keep_size', limit);
      for (let n = 0; n < files; n += 1) {
        await asAdmin(`SELECT pg_logical_emit_message(false, 'outbox-heartbeat', repeat('x', 16000000))`);
        await asAdmin('SELECT pg_switch_wal()');
      }
      await asAdmin('CHECKPOINT');
    },
    async () => {
      await postgresSetting('max_slot_wal_keep_size', undefined);
      await query('SELECT outbox_drop_slot()', [], 'operator');
      await start('connect');
      await untilUp('connect');
    },
  );
  await untilRunning();
});

test('weak OTHER_SLOTS: an unread slot keeps WAL, and the finding has its size', async () => {
  const name = uniqueName('abandoned');
  await expectFound(
    'weak OTHER_SLOTS',
    async () => {
      await asAdmin(`SELECT pg_create_physical_replication_slot('${name}', true)`);
      for (let n = 0; n < 5; n += 1) await asAdmin(`SELECT pg_logical_emit_message(false, 'x', repeat('x', 16000000))`);
      await untilFound('weak OTHER_SLOTS');
      const { found } = (await diagnose(doctor)).find(({ code }) => code === 'OTHER_SLOTS') ?? {};
      expect(found).toMatch(new RegExp(`${name} keeps [0-9]+ MiB`));
    },
    () => asAdmin(`SELECT pg_drop_replication_slot('${name}')`),
  );
});

test('weak COMPATIBILITY: the registry accepts any schema', async () => {
  const set = (compatibility: string) => askRegistry(`/config/${EVENT_SUBJECT}`, json('PUT', { compatibility }));
  await expectFound(
    'weak COMPATIBILITY',
    () => set('NONE'),
    () => set('BACKWARD_TRANSITIVE'),
  );
});

test('weak ACK_NONE and broken ACK_GROUP_UNKNOWN: no group is configured, or one without members', async () => {
  expect(await codes({ ...doctor, ACK_GROUPS: [] })).toContain('weak ACK_NONE');
  expect(await codes({ ...doctor, ACK_GROUPS: ['consumers-example', uniqueName('group')] })).toContain('broken ACK_GROUP_UNKNOWN');
  expect(await codes()).toEqual([always]);
});

test('broken CLEANUP_IDLE and OUTBOX_OLD: cleanup is stopped and a row waits', async () => {
  await expectFound(
    'broken OUTBOX_OLD',
    async () => {
      await stop('cleanup');
      await waitFor('CLEANUP_IDLE is found', async () => (await codes()).includes('broken CLEANUP_IDLE'));
      await postInTurn(uniqueName('user'), 'z', 1);
    },
    async () => {
      await start('cleanup');
      await untilUp('cleanup');
    },
    { ...doctor, ROW_AGE_SECONDS: 1 },
  );
});

test.each<[string, string]>([
  ['registry', 'broken REGISTRY_UNREACHABLE'],
  ['connect', 'broken CONNECT_UNREACHABLE'],
  ['kafka', 'broken KAFKA_UNREACHABLE'],
  ['postgres', 'broken POSTGRES_UNREACHABLE'],
])('reports %s that does not answer as one finding: %s', { timeout: 120_000 }, async (part, finding) => {
  await stop(part);
  try {
    const found = await codes();
    expect(found).toContain(finding);
    expect((await diagnose(doctor)).filter(({ found: text }) => text.startsWith('could not be checked'))).toEqual([]);
  } finally {
    // With the watchdog: a task whose connection Postgres ended may fail for good.
    await start(part, 'watch');
    await untilUp(part, 'watch');
  }
  await waitFor('all is well', async () => (await codes()).join() === always, 90_000);
  await stop('watch');
});

test('prints the findings as JSON too, and ends with 2 while something is unsafe', async () => {
  await postgresSetting('synchronous_commit', 'off');
  try {
    const { code, stdout } = await outbox('doctor', '--json');
    expect(code).toBe(2);
    const report = JSON.parse(stdout) as { checks: number; findings: { code: string; grade: string; why: string }[] };
    expect(report.checks).toBeGreaterThan(40);
    expect(report.findings[0]).toMatchObject({ code: 'DURABILITY', grade: 'unsafe', why: expect.stringContaining('200') as string });
  } finally {
    await postgresSetting('synchronous_commit', undefined);
  }
});
