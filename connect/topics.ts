import type { Admin } from 'kafkajs';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC } from '../contract/names.ts';
import { MAX_EVENT_BYTES, RECORD_OVERHEAD_BYTES } from '../contract/limits.ts';
import type { ConnectConfig } from './config.ts';
import { readConfigs } from '../kit/kafka-admin.ts';
import { RegisterError } from './errors.ts';

export interface TopicPlan {
  topic: string;
  partitions: number;
  replicationFactor: number;
  config: Readonly<Record<string, string>>;
}

/** The topics that register makes. Their settings are part of the promise, so no topic is made by itself. */
export function topicPlans(config: ConnectConfig): TopicPlan[] {
  const { TOPIC_PARTITIONS: partitions, TOPIC_REPLICATION_FACTOR: replicationFactor } = config;
  const hours = (count: number) => String(count * 3_600_000);
  const minIsr = String(Math.max(1, replicationFactor - 1));
  return [
    {
      topic: EVENT_TOPIC,
      partitions,
      replicationFactor,
      config: {
        // Compaction would hide earlier events of a zap from a slow reader.
        'cleanup.policy': 'delete',
        'retention.ms': hours(config.TOPIC_RETENTION_HOURS),
        // The broker's clock: a wrong clock elsewhere can neither age nor preserve a record.
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': String(MAX_EVENT_BYTES + 2 * RECORD_OVERHEAD_BYTES),
        'min.insync.replicas': minIsr,
        'unclean.leader.election.enable': 'false',
        // As the producer sent it (none): kafkajs reads no lz4, snappy or zstd without a codec.
        'compression.type': 'producer',
      },
    },
    {
      topic: DEAD_LETTER_TOPIC,
      partitions: 1,
      replicationFactor,
      config: {
        // Long: somebody has to look at each, and may be on holiday.
        'cleanup.policy': 'delete',
        'retention.ms': hours(config.DEAD_LETTER_RETENTION_HOURS),
        'message.timestamp.type': 'LogAppendTime',
        // An event of the largest size, and the headers that say why it lies here.
        'max.message.bytes': String(MAX_EVENT_BYTES + 3 * RECORD_OVERHEAD_BYTES),
        'min.insync.replicas': minIsr,
        'unclean.leader.election.enable': 'false',
      },
    },
    {
      topic: HEARTBEAT_TOPIC,
      partitions: 1,
      replicationFactor,
      config: { 'cleanup.policy': 'delete', 'retention.ms': '3600000', 'min.insync.replicas': minIsr },
    },
  ];
}

/**
 * Makes the topics that are missing and checks those that are there.
 *
 * @returns the names of the topics made now
 * @throws RegisterError TOPIC_UNSUITABLE when one exists with settings that would lose or stop events
 */
export async function ensureTopics(admin: Admin, plans: TopicPlan[]): Promise<string[]> {
  const existing = await admin.listTopics();
  const missing = plans.filter(({ topic }) => !existing.includes(topic));
  await admin.createTopics({
    waitForLeaders: true,
    topics: missing.map(({ topic, partitions, replicationFactor, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    })),
  });
  if (existing.includes(EVENT_TOPIC)) await checkEventTopic(admin);
  return missing.map(({ topic }) => topic);
}

async function checkEventTopic(admin: Admin): Promise<void> {
  const actual = await readConfigs(admin, 'topic', EVENT_TOPIC);
  const faults: string[] = [];
  const expect = (name: string, fits: (value: string) => boolean, wanted: string) => {
    const value = actual.get(name) ?? '';
    if (!fits(value)) faults.push(`${name} is ${value || 'unknown'}, must be ${wanted}`);
  };
  expect('cleanup.policy', (value) => value === 'delete', 'delete');
  expect('message.timestamp.type', (value) => value === 'LogAppendTime', 'LogAppendTime');
  expect('compression.type', (value) => ['producer', 'uncompressed', 'gzip'].includes(value), 'producer, uncompressed or gzip');
  const minimum = MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES;
  expect('max.message.bytes', (value) => Number(value) >= minimum, `at least ${minimum}`);
  if (faults.length === 0) return;
  throw new RegisterError(
    'TOPIC_UNSUITABLE',
    `The topic ${EVENT_TOPIC} exists with settings that do not fit: ${faults.join('; ')}. ` +
      `Change them with kafka-configs --alter --entity-type topics --entity-name ${EVENT_TOPIC} --add-config …`,
  );
}
