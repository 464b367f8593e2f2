import kafkajs, { type Admin, type RetryOptions } from 'kafkajs';
import { createKafka } from './kafka.ts';
import type { KafkaSettings } from './kafka-settings.ts';

// Kafka's administration, for code that does not consume.

const { ConfigResourceTypes } = kafkajs;

/** Partition → offset. */
export type Offsets = ReadonlyMap<number, bigint>;

/**
 * Connects an admin client, and disconnects it when `use` has ended.
 *
 * @param clientId the caller's name in the broker's log
 * @param retry of each request; kafkajs's default when not given
 */
export async function withAdmin<T>(
  settings: KafkaSettings,
  clientId: string,
  use: (admin: Admin) => Promise<T>,
  retry?: RetryOptions,
): Promise<T> {
  const client = createKafka(settings, { clientId, connectionTimeout: 3000, ...(retry && { retry }) });
  const admin = client.admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** The committed offsets of a group on a topic, by partition; −1 for none. */
export async function committedOffsets(admin: Admin, groupId: string, topic: string): Promise<Offsets> {
  const [entry] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return new Map(entry?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** The first offset that still exists, and the one after the last that is stable (not in an open transaction). */
export async function topicOffsets(admin: Admin, topic: string): Promise<{ starts: Offsets; ends: Offsets }> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return {
    starts: new Map(offsets.map(({ partition, low }) => [partition, BigInt(low)])),
    ends: new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])),
  };
}

/** The effective settings of a topic. */
export const topicConfigs = (admin: Admin, topic: string) => readConfigs(admin, ConfigResourceTypes.TOPIC, topic);

/** The effective settings of the controller, which every broker should share. */
export async function brokerConfigs(admin: Admin): Promise<ReadonlyMap<string, string>> {
  const { controller, brokers } = await admin.describeCluster();
  return readConfigs(admin, ConfigResourceTypes.BROKER, String(controller ?? brokers[0]?.nodeId));
}

async function readConfigs(admin: Admin, type: kafkajs.ConfigResourceTypes, name: string): Promise<ReadonlyMap<string, string>> {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name }] });
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
}
