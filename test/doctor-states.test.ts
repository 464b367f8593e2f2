import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONNECTOR_NAME, EVENT_TOPIC, HEARTBEAT_TOPIC, OFFSET_TOPIC } from '../contract/names.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { connect, deleteConnector, slotIs, slowSnapshot, untilRunning } from './support/connector.ts';
import { always, asAdmin, codes, connectorConfig, expectFound, postgresSetting, untilFound } from './support/doctor.ts';
import { adminClient, ends, setOffsets, withAdmin } from './support/kafka.ts';
import { aclOf } from '../kit/kafka-acls.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { postInTurn } from './support/post.ts';
import { register } from './support/services.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';
import { askConnect } from './support/http.ts';

// The doctor's codes whose states need whole parts of the stack; the others are in doctor.test.ts.

const GROUP = 'consumers-example';
let original: ConnectorConfig;

// The watchdog would repair most of it before the doctor sees it.
beforeAll(async () => {
  await stop('watch');
  original = await connectorConfig();
});
afterAll(async () => {
  await start('watch');
  await untilUp('watch');
});

const putBack = async () => {
  await connect.put(CONNECTOR_NAME, original);
  await untilRunning();
};

test('broken EXACTLY_ONCE: the connector requires what its worker was started without', async () => {
  await expectFound(
    'broken EXACTLY_ONCE',
    // The worker refuses such a request, but a restart without exactly-once leads to this state.
    async () => {
      const kafka = adminClient();
      const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      const value = JSON.stringify({ properties: { ...original, 'exactly.once.support': 'required' } });
      await producer.send({ topic: 'outbox-connect.configs', messages: [{ key: `connector-${CONNECTOR_NAME}`, value }] });
      await producer.disconnect();
    },
    putBack,
  );
});

test('broken RECORD_SIZE: the broker takes no large record', async () => {
  const { controller } = await withAdmin((admin) => admin.describeCluster());
  const brokerConfig = (configEntries: { name: string; value: string }[]) =>
    withAdmin((admin: Admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: String(controller), configEntries }],
      }),
    );
  await expectFound(
    'broken RECORD_SIZE',
    () => brokerConfig([{ name: 'message.max.bytes', value: '500000' }]),
    () => brokerConfig([]),
  );
});

test('broken KAFKA_GRANT_MISSING: the watchdog may no longer read the broker’s settings', async () => {
  const grant = aclOf({ service: 'watch', resource: 'CLUSTER', name: 'kafka-cluster', prefixed: false, operation: 'DESCRIBE_CONFIGS' });
  await expectFound(
    'broken KAFKA_GRANT_MISSING',
    () => withAdmin((admin) => admin.deleteAcls({ filters: [grant] })),
    () => withAdmin((admin) => admin.createAcls({ acl: [grant] })),
  );
});

test('broken HELPER_TOPIC_MISSING: somebody deletes the heartbeat topic, and register creates it again', { timeout: 120_000 }, async () => {
  await expectFound(
    'broken HELPER_TOPIC_MISSING',
    () => withAdmin((admin) => admin.deleteTopics({ topics: [HEARTBEAT_TOPIC] })),
    () => register(),
  );
  await postInTurn(uniqueName('user'), 'z', 1);
  await waitFor('the outbox is empty', async () => (await query('SELECT FROM zap_run_outbox')).length === 0, 60_000);
});

test("broken CONNECT_TOPICS: one of the worker's topics is no longer compacted", async () => {
  const policy = (value: string) =>
    withAdmin((admin: Admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: OFFSET_TOPIC, configEntries: [{ name: 'cleanup.policy', value }] }],
      }),
    );
  await expectFound(
    'broken CONNECT_TOPICS',
    () => policy('delete'),
    () => policy('compact'),
  );
});

test('broken SLOT_ROOM: the slot is gone, and other slots use all the room', async () => {
  const others = Array.from({ length: 4 }, (_, n) => `other_${n}`);
  await expectFound(
    'broken SLOT_ROOM',
    async () => {
      await deleteConnector();
      await waitFor('the slot is not read', async () => !(await slotIs('active')));
      await asAdmin(`SELECT pg_drop_replication_slot('zap_run_outbox')`);
      for (const name of others) await query('SELECT pg_create_physical_replication_slot($1)', [name], 'postgres');
    },
    async () => {
      for (const name of others) await query('SELECT pg_drop_replication_slot($1)', [name], 'postgres');
      await putBack();
    },
  );
});

test('broken SLOT_AHEAD: somebody moves the slot while the connector is stopped, and a restart repairs it', async () => {
  await expectFound(
    'broken SLOT_AHEAD',
    async () => {
      await askConnect(`/connectors/${CONNECTOR_NAME}/stop`, { method: 'PUT' });
      await waitFor('the slot is not read', async () => !(await slotIs('active')));
      await postInTurn(uniqueName('user'), 'z', 1);
      await asAdmin(`SELECT pg_replication_slot_advance('zap_run_outbox', pg_current_wal_lsn())`);
    },
    async () => {
      await connect.resume(CONNECTOR_NAME);
      await untilRunning();
    },
  );
  // The row that the slot was moved past was published anyway.
  await waitFor('the outbox is empty', async () => (await query('SELECT FROM zap_run_outbox')).length === 0);
});

test(
  'weak SNAPSHOT_RUNNING: a slot is re-created while rows wait, and reading them takes a second each',
  { timeout: 120_000 },
  async () => {
    await stop('cleanup');
    await postInTurn(uniqueName('user'), 'z', 10);
    await deleteConnector();
    await waitFor('the slot is not read', async () => !(await slotIs('active')));
    await asAdmin(`SELECT pg_drop_replication_slot('zap_run_outbox')`);
    await expectFound(
      'weak SNAPSHOT_RUNNING',
      () => connect.put(CONNECTOR_NAME, slowSnapshot(original, 1)),
      async () => {
        await waitFor('the snapshot is over', async () => !(await codes()).includes('weak SNAPSHOT_RUNNING'));
        await putBack();
        await start('cleanup');
        await untilUp('cleanup');
      },
    );
  },
);

test('broken WAL_LEVEL: Postgres was started without logical WAL', { timeout: 180_000 }, async () => {
  const restart = async () => {
    await stop('postgres');
    await start('postgres');
    await untilUp('postgres');
  };
  await stop('connect');
  await expectFound(
    'broken WAL_LEVEL',
    async () => {
      // With a logical slot Postgres would not start.
      await waitFor('the slot is not read', async () => !(await slotIs('active')));
      await asAdmin(`SELECT pg_drop_replication_slot('zap_run_outbox')`);
      await postgresSetting('wal_level', 'replica');
      await restart();
    },
    async () => {
      await postgresSetting('wal_level', undefined);
      await restart();
      await start('connect');
      await untilUp('connect');
    },
  );
  await untilRunning();
  // The registry uses its lost connections for the first requests.
  await waitFor('all is well', async () => (await codes()).join() === always, 60_000);
});

const stopCode = async () => (await query<{ stop_code: string | null }>('SELECT stop_code FROM cleanup_state'))[0]?.stop_code;

test(
  'unsafe GROUP_AHEAD and CLEANUP_STOPPED: a group is set beyond the end, and accept-topic ends both',
  { timeout: 120_000 },
  async () => {
    await stop('consumer');
    await expectFound(
      'unsafe GROUP_AHEAD',
      async () => {
        await setOffsets(GROUP, new Map([...(await ends())].map(([partition, end]) => [partition, end + 1000n])));
        await untilFound('unsafe CLEANUP_STOPPED');
      },
      async () => {
        expect(await outbox('accept-topic')).toMatchObject({ code: 0, stderr: '' });
        await start('consumer');
        await untilUp('consumer');
      },
    );
    expect(await codes()).not.toContain('unsafe CLEANUP_STOPPED');
  },
);

test('broken TOPIC_MISSING: somebody deletes the topic, and register creates it again', { timeout: 180_000 }, async () => {
  const parts = ['connect', 'consumer', 'actions', 'cleanup'];
  await stop(...parts);
  await expectFound(
    'broken TOPIC_MISSING',
    () => withAdmin((admin) => admin.deleteTopics({ topics: [EVENT_TOPIC] })),
    async () => {
      await start('connect');
      await untilUp('connect');
      await register();
      await start(...parts);
      await untilUp(...parts);
      await waitFor('cleanup stops', async () => (await stopCode()) === 'TOPIC_SHRANK', 60_000);
      expect(await outbox('accept-topic')).toMatchObject({ code: 0 });
    },
  );
  await waitFor('all is well', async () => (await codes()).join() === always, 60_000);
});
