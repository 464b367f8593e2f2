import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import kafkajs, { Partitioners, type Kafka } from 'kafkajs';
import { z } from 'zod';
import { afterAll, describe, expect, test } from 'vitest';
import { ACTIONS_GROUP, CONSUMER_GROUP, kafkaServices, type KafkaService } from '../contract/kafka-grants.ts';
import { CONNECTOR_NAME, DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC, OFFSET_TOPIC } from '../contract/names.ts';
import { readRecordLimit } from '../checks/kafka.ts';
import { aclOf, readAcls } from '../kit/kafka-acls.ts';
import { withAdmin as withAdminOf } from '../kit/kafka-admin.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { createKafka } from '../kit/kafka.ts';
import { readSettings } from '../kit/settings.ts';
import { kafkaEnv, kafkaFor } from '../stack/kafka-logins.ts';
import { connect } from './support/connector.ts';
import { withAdmin } from './support/kafka.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { postInTurn } from './support/post.ts';
import { config, part, query, stack } from './support/stack.ts';
import { grantAgain, register } from './support/services.ts';
import { waitFor } from './support/wait-for.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } = kafkajs;

const clientOf = (env: Record<string, string>): Kafka =>
  createKafka(readSettings(z.object(kafkaSettings), env), {
    clientId: 'test',
    retry: { retries: 2, initialRetryTime: 20 },
    connectionTimeout: 3000,
  });
const as = (service: KafkaService) => clientOf(kafkaEnv(config, service));

/** An attempt of one login. It is ended afterwards, whatever its result. */
type Act = (kafka: Kafka) => Promise<unknown>;
const asAdmin =
  (use: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>): Act =>
  async (kafka) => {
    const admin = kafka.admin();
    await admin.connect();
    await use(admin).finally(() => admin.disconnect());
  };
const write =
  (topic: string, transactionalId?: string): Act =>
  async (kafka) => {
    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      // Not idempotent: kafkajs would first request a producer id, whose refusal the log does not show.
      ...(transactionalId && { transactionalId }),
    });
    await producer.connect();
    const messages = [{ key: 'forged/forged', value: 'forged' }];
    await (transactionalId === undefined ? producer.send({ topic, messages }) : producer.transaction()).finally(() =>
      producer.disconnect(),
    );
  };
const read =
  (topic: string, groupId: string): Act =>
  async (kafka) => {
    const consumer = kafka.consumer({ groupId, retry: { retries: 1, initialRetryTime: 20 } });
    const crashed = new Promise<never>((_resolve, reject) => consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error)));
    const fetched = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH, () => resolve()));
    crashed.catch(() => undefined);
    try {
      await consumer.connect();
      await consumer.subscribe({ topic });
      await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
      await Promise.race([fetched, crashed]);
    } finally {
      await consumer.disconnect();
    }
  };
const configure = (type: kafkajs.ConfigResourceTypes, name: string) =>
  asAdmin((admin) =>
    admin.alterConfigs({ validateOnly: true, resources: [{ type, name, configEntries: [{ name: 'retention.ms', value: '1' }] }] }),
  );
const deleteRecords = asAdmin(async (admin) => {
  // kafkajs sends this to the leader of the partition, which it must learn first.
  await admin.fetchTopicOffsets(EVENT_TOPIC);
  await admin.deleteTopicRecords({ topic: EVENT_TOPIC, partitions: [{ partition: 0, offset: '0' }] });
});
/** Committing a position needs a member of the group. */
const join = (groupId: string) => read(EVENT_TOPIC, groupId);
const everything = {
  resourceType: AclResourceTypes.CLUSTER,
  resourceName: 'kafka-cluster',
  resourcePatternType: ResourcePatternTypes.LITERAL,
  ...{ host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW },
};

/** Each act with the services that may do it. It must be refused to all others. */
const acts: [what: string, act: Act, allowed: KafkaService[]][] = [
  ['write an event', write(EVENT_TOPIC), ['connect']],
  ['fence off the connector’s producer', write(EVENT_TOPIC, 'outbox-connect-zap-run-outbox-0'), ['connect']],
  ['write the connector’s position', write(OFFSET_TOPIC), ['connect']],
  ['write a heartbeat', write(HEARTBEAT_TOPIC), ['connect']],
  ['write a dead letter', write(DEAD_LETTER_TOPIC), ['consumer', 'actions']],
  ['read events as a group of its own', read(EVENT_TOPIC, 'somebody'), []],
  ['read the worker’s configuration', read('outbox-connect.configs', 'outbox-operate-somebody'), ['connect']],
  ['read every group’s commits', read('__consumer_offsets', 'outbox-operate-somebody'), []],
  ['set cleanup’s position', join('outbox-cleanup'), ['cleanup']],
  ['set the consumer’s position', join(CONSUMER_GROUP), ['consumer', 'operator']],
  ['set the action consumer’s position', join(ACTIONS_GROUP), ['actions', 'operator']],
  ['delete the consumer’s group', asAdmin((admin) => admin.deleteGroups([CONSUMER_GROUP])), []],
  ['delete the event topic', asAdmin((admin) => admin.deleteTopics({ topics: [EVENT_TOPIC] })), []],
  ['delete records', deleteRecords, []],
  ['create a topic', asAdmin((admin) => admin.createTopics({ validateOnly: true, topics: [{ topic: uniqueName('topic') }] })), []],
  ['add partitions', asAdmin((admin) => admin.createPartitions({ validateOnly: true, topicPartitions: [{ topic: EVENT_TOPIC, count: 50 }] })), ['operator']], // prettier-ignore
  ['change the event topic’s settings', configure(ConfigResourceTypes.TOPIC, EVENT_TOPIC), ['operator']],
  ['change the dead-letter topic’s settings', configure(ConfigResourceTypes.TOPIC, DEAD_LETTER_TOPIC), []],
  ['change the broker’s settings', configure(ConfigResourceTypes.BROKER, '1'), []],
  ['grant itself more', asAdmin((admin) => admin.createAcls({ acl: [{ ...everything, principal: 'User:watch' }] })), []],
  [
    'take the connector’s grants away',
    asAdmin((admin) => admin.deleteAcls({ filters: [{ ...everything, principal: 'User:connect' }] })),
    [],
  ],
];

/** The refusals in the broker's log: of some refusals kafkajs reports only that it gave up. */
const denials = async (who = '\\w+'): Promise<string[]> =>
  (await stack.log('kafka')).split('\n').filter((line) => new RegExp(`Principal = User:${who} is Denied`).test(line));

test('each service does its work, and nothing of it is refused', { timeout: 120_000 }, async () => {
  const before = (await denials()).length;
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const [id = ''] = await postInTurn(userId, zapId, 20);
  await register();
  expect((await outbox('doctor')).stdout).not.toContain('could not be checked');
  expect((await outbox('explain', id)).stdout).toMatch(/partition \d+, offset \d+/);
  expect(await withAdminOf(kafkaFor(config, 'watch'), 'test', (admin) => readRecordLimit(admin, connect))).toBeGreaterThan(0);
  const rows = () => query('SELECT FROM zap_run_outbox WHERE aggregateid = $1', [`${userId}/${zapId}`]);
  await waitFor('all rows are cleaned up', async () => (await rows()).length === 0, 60_000);
  expect((await denials()).slice(before)).toEqual([]);
});

describe('without a login', () => {
  const brokers = { KAFKA_BROKERS: kafkaEnv(config, 'admin').KAFKA_BROKERS };

  test('Kafka answers nothing, not even the list of topics', async () => {
    await expect(asAdmin((admin) => admin.listTopics())(clientOf(brokers))).rejects.toThrow(/closed connection|timed out|ECONNRESET/i);
  });

  const guesses: [string, Record<string, string>][] = [
    ['a wrong password', { ...kafkaEnv(config, 'connect'), KAFKA_PASSWORD: 'wrong' }],
    ['another login’s password', { ...kafkaEnv(config, 'admin'), KAFKA_PASSWORD: kafkaEnv(config, 'watch').KAFKA_PASSWORD }],
    ['a name that nobody has', { ...kafkaEnv(config, 'connect'), KAFKA_USERNAME: 'somebody' }],
  ];
  // With STACK_TLS nobody on the way sees it, and two logins may use it.
  if (!config.STACK_TLS)
    guesses.push(['PLAIN, which would show the password', { ...kafkaEnv(config, 'connect'), KAFKA_SASL_MECHANISM: 'PLAIN' }]);
  test.each(guesses)('%s is refused', async (_what, env) => {
    await expect(asAdmin((admin) => admin.listTopics())(clientOf(env))).rejects.toThrow(/authentication failed|mechanism/i);
  });

  test('only the broker can reach the controller’s port', async () => {
    const door = { KAFKA_BROKERS: `127.0.0.1:${config.KAFKA_CONTROLLER_PORT}` };
    for (const env of [
      door,
      { ...kafkaEnv(config, 'admin'), ...door },
      { ...kafkaEnv(config, 'operator'), ...door, KAFKA_SASL_MECHANISM: 'PLAIN' },
    ])
      await expect(asAdmin((admin) => admin.listTopics())(clientOf(env))).rejects.toThrow();
  });
});

describe.each(kafkaServices)('%s may not', (service) => {
  const kafka = as(service);
  test.each(acts.filter(([, , allowed]) => !allowed.includes(service)))('%s', async (_what, act) => {
    const before = (await denials(service)).length;
    await expect(act(kafka)).rejects.toThrow();
    await waitFor('the broker says that it refused', async () => (await denials(service)).length > before, 10_000);
  });
});

describe('the list of grants', () => {
  const extra = aclOf({ service: 'watch', resource: 'TOPIC', name: EVENT_TOPIC, prefixed: false, operation: 'WRITE' });
  const foreign = { ...extra, principal: 'User:somebody' };
  afterAll(() => withAdmin((admin) => admin.deleteAcls({ filters: [foreign] })));

  test('is restored by the stack: missing grants are added, unlisted ones are removed, and other logins are left alone', async () => {
    const missing = aclOf({ service: 'watch', resource: 'CLUSTER', name: 'kafka-cluster', prefixed: false, operation: 'DESCRIBE_CONFIGS' });
    await withAdmin(async (admin) => {
      await admin.createAcls({ acl: [extra, foreign] });
      await admin.deleteAcls({ filters: [missing] });
    });
    expect(await grantAgain()).toMatch(/"added":1,"removed":1/);
    const held = await withAdmin(readAcls);
    expect(held).toContainEqual(missing);
    expect(held).not.toContainEqual(extra);
    const { resources } = await withAdmin((admin) => admin.describeAcls(foreign));
    expect(resources).toHaveLength(1);
    expect(await grantAgain()).toMatch(/"added":0,"removed":0/);
  });
});

test('no password of Kafka is in the list of processes, in a connector’s configuration or in variables that a connector may read', async () => {
  const passwords = Object.entries(config.secrets).flatMap(([name, secret]) => (name.startsWith('kafka_') ? [secret] : []));
  expect(passwords).toHaveLength(kafkaServices.length + 1);
  const places = [execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }), JSON.stringify(await connect.config(CONNECTOR_NAME))];
  const { pid } = await part('connect');
  // ${env:…} can only show variables.
  if (stack.way === 'embedded') places.push(readFileSync(`/proc/${pid}/environ`, 'utf8'));
  expect(places.every((text) => text.length > 100)).toBe(true);
  expect(places.filter((text) => passwords.some((password) => text.includes(password)))).toEqual([]);
});
