import type { Admin } from 'kafkajs';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';
import { CONNECTOR_NAME, DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC, WORKER_TOPICS } from '../contract/names.ts';
import { MAX_EVENT_BYTES, NEEDED_RECORD_BYTES, PRODUCER_LIMIT } from '../contract/limits.ts';
import { brokerConfigs, topicConfigs } from '../kit/kafka-admin.ts';
import { check, type Check, type Fault, type Grade, type CheckContext } from './check.ts';
import { copies, inSync } from './copies.ts';

const needs = ['kafka'] as const;
const readBroker = ({ admin }: CheckContext) => brokerConfigs(admin);
const listTopics = ({ admin }: CheckContext) => admin.listTopics();

export const recordSize = check({
  code: 'RECORD_SIZE',
  grade: 'broken',
  why: 'One record that is refused stops all events.',
  needs,
  read: readBroker,
  evaluate: (broker, { connector }) =>
    tooSmall({ 'the broker (message.max.bytes)': limitOf(broker), [`the connector (${PRODUCER_LIMIT.key})`]: producerLimit(connector) }),
});

const limitOf = (broker: ReadonlyMap<string, string>) => Number(broker.get('message.max.bytes'));
const producerLimit = (config: ConnectorConfig) => Number(config[PRODUCER_LIMIT.key] ?? PRODUCER_LIMIT.fallback);

/**
 * The largest record that producer, topic and broker all accept at the moment.
 *
 * @throws when one of them reports no limit: nothing may be buried on a guess
 */
export async function readRecordLimit(admin: Admin, connect: Pick<ConnectApi, 'config'>, connector = CONNECTOR_NAME): Promise<number> {
  const config = await connect.config(connector);
  if (config === undefined) throw new Error('the connector is not registered');
  const topic = Number((await topicConfigs(admin, EVENT_TOPIC)).get('max.message.bytes'));
  const limits = [topic, limitOf(await brokerConfigs(admin)), producerLimit(config)];
  const limit = Math.min(...limits);
  if (!(limit > 0)) throw new Error(`Kafka gave no limit: ${limits.join(', ')}`);
  return limit;
}

function tooSmall(limits: Record<string, number>): Fault | undefined {
  const low = Object.entries(limits).filter(([, limit]) => !(limit >= NEEDED_RECORD_BYTES));
  if (low.length === 0) return undefined;
  return {
    found: low.map(([where, limit]) => `${where} accepts ${limit} bytes`).join(', '),
    remedy: `An event may have ${MAX_EVENT_BYTES} bytes. Raise the limit to at least ${NEEDED_RECORD_BYTES}: one refused record stops all events.`,
  };
}

const topicMissing = check({
  code: 'TOPIC_MISSING',
  grade: 'broken',
  why: 'The producer waits until the topic exists. It is never auto-created: it would get the wrong settings.',
  needs,
  read: listTopics,
  evaluate: (topics) =>
    topics.includes(EVENT_TOPIC)
      ? undefined
      : {
          found: `the topic ${EVENT_TOPIC} does not exist`,
          remedy: 'npm run register creates it. If it was deleted: npm run outbox -- rebuild --since … sends its events again.',
        },
});

const HELPERS = [HEARTBEAT_TOPIC, DEAD_LETTER_TOPIC];

const helperTopics = check({
  code: 'HELPER_TOPIC_MISSING',
  grade: 'broken',
  why: 'Without its heartbeat topic the connector stops publishing; without the dead-letter topic a consumer stops at the first event that it cannot read.',
  needs,
  read: listTopics,
  evaluate: (topics) => {
    const missing = HELPERS.filter((topic) => !topics.includes(topic));
    return missing.length === 0 ? undefined : { found: `no topic ${missing.join(', ')}`, remedy: 'npm run register creates it.' };
  },
});

const workerTopics = check({
  code: 'CONNECT_TOPICS',
  grade: 'broken',
  why: 'Connect stores the connector and its position in them. Without them, or with retention instead of compaction, it forgets both.',
  needs,
  read: async ({ admin }) => {
    const topics = await admin.listTopics();
    const policy = async (topic: string) => (topics.includes(topic) ? (await topicConfigs(admin, topic)).get('cleanup.policy') : undefined);
    return Promise.all(WORKER_TOPICS.map(async (topic) => ({ topic, policy: await policy(topic) })));
  },
  evaluate: (found) => {
    const wrong = found.filter(({ policy }) => policy !== 'compact');
    if (wrong.length === 0) return undefined;
    return {
      found: wrong
        .map(({ topic, policy }) => (policy === undefined ? `no topic ${topic}` : `cleanup.policy of ${topic} is ${policy}`))
        .join(', '),
      remedy:
        'The worker creates a missing one at its start: restart it, then npm run register. Otherwise: ' +
        `kafka-configs --command-config … --alter --entity-type topics --entity-name ${wrong[0]?.topic} --add-config cleanup.policy=compact`,
    };
  },
});

interface Rule {
  code: string;
  grade: Grade;
  key: string;
  fits: (value: string) => boolean;
  wanted: string;
  why: string;
  /** Whether register refuses a topic with this fault. The other faults are an operator's decision. */
  refused?: true;
}

const rules: readonly Rule[] = [
  {
    code: 'TOPIC_COMPACTED',
    refused: true,
    grade: 'unsafe',
    key: 'cleanup.policy',
    fits: (value) => value === 'delete',
    wanted: 'delete',
    why: 'Compaction removes all but the last event of a zap, even those that a group has not read and whose rows are gone.',
  },
  {
    code: 'TOPIC_UNCLEAN',
    grade: 'unsafe',
    key: 'unclean.leader.election.enable',
    fits: (value) => value === 'false',
    wanted: 'false',
    why: 'A replica that was behind may become the leader, and events whose rows are gone are lost.',
  },
  {
    code: 'TOPIC_CLOCK',
    refused: true,
    grade: 'unsafe',
    key: 'message.timestamp.type',
    fits: (value) => value === 'LogAppendTime',
    wanted: 'LogAppendTime',
    why: 'With the producer’s clock, a wrong clock lets retention remove an event as soon as it arrives.',
  },
  {
    code: 'TOPIC_RETENTION',
    grade: 'unsafe',
    key: 'retention.ms',
    fits: (value) => Number(value) < 0 || Number(value) >= 86_400_000,
    wanted: 'at least 86400000, a day',
    why: 'An event whose row is gone exists only on the topic. It must outlive an outage of its consumers.',
  },
  {
    code: 'TOPIC_RETENTION_BYTES',
    grade: 'unsafe',
    key: 'retention.bytes',
    fits: (value) => Number(value) < 0,
    wanted: '-1',
    why: 'Under load it removes events before retention.ms is over, read or not.',
  },
  {
    code: 'TOPIC_COMPRESSION',
    refused: true,
    grade: 'broken',
    key: 'compression.type',
    fits: (value) => ['producer', 'uncompressed', 'gzip'].includes(value),
    wanted: 'producer, uncompressed or gzip',
    why: 'kafkajs cannot read lz4, snappy or zstd: one such batch stops a consumer, and cleanup, for good.',
  },
  {
    code: 'TOPIC_RECORD_SIZE',
    refused: true,
    grade: 'broken',
    key: 'max.message.bytes',
    fits: (value) => Number(value) >= NEEDED_RECORD_BYTES,
    wanted: `at least ${NEEDED_RECORD_BYTES}`,
    why: 'One record that is refused stops all events.',
  },
];

const eventTopicConfigs = async ({ admin }: CheckContext) =>
  (await admin.listTopics()).includes(EVENT_TOPIC) ? topicConfigs(admin, EVENT_TOPIC) : undefined;

const topicCheck = ({ key, fits, wanted, code, grade, why }: Rule) =>
  check({
    ...{ code, grade, why, needs },
    read: eventTopicConfigs,
    evaluate: (configs) => {
      const value = configs?.get(key) ?? '';
      if (configs === undefined || fits(value)) return undefined;
      return {
        found: `${key} of ${EVENT_TOPIC} is ${value || 'unknown'}`,
        remedy: `It must be ${wanted}: kafka-configs --command-config … --alter --entity-type topics --entity-name ${EVENT_TOPIC} --add-config ${key}=…`,
      };
    },
  });

/** The doctor's checks of the event topic, and those of them at which register stops. */
const topicChecks: readonly Check[] = rules.map(topicCheck);
export const topicRefusals: readonly Check[] = rules.filter(({ refused }) => refused === true).map(topicCheck);

export const autoCreation = check({
  code: 'TOPIC_AUTO_CREATE',
  grade: 'weak',
  why: 'A deleted event topic would be re-created with settings that lose or hide events.',
  needs,
  read: readBroker,
  evaluate: (broker) => {
    const value = broker.get('auto.create.topics.enable');
    if (value === 'false') return undefined;
    return { found: `auto.create.topics.enable is ${value}`, remedy: 'Set it to false in the brokers’ configuration and restart them.' };
  },
});

export const kafkaChecks: readonly Check[] = [
  recordSize,
  topicMissing,
  helperTopics,
  workerTopics,
  ...topicChecks,
  inSync,
  copies,
  autoCreation,
];
