import kafkajs, { type Admin, type Consumer } from 'kafkajs';
import '../kit/quiet-kafkajs.ts';

/** Partition → offset. */
export type Offsets = ReadonlyMap<number, bigint>;

/** The topic and the groups' positions on it, as they were at one moment. */
export interface Sight {
  clusterId: string;
  /** The first offset that is still there, and the one after the last that is decided (no open transaction). */
  starts: Offsets;
  ends: Offsets;
  cleanupPolicy: string;
  /** Where cleanup itself is; a partition without a position is absent. */
  own: Offsets;
  /** Where the groups are that must acknowledge; −1 (nothing committed) is 0, a partition they do not know is absent. */
  groups: ReadonlyMap<string, Offsets>;
}

interface Watched {
  brokers: string[];
  topic: string;
  group: string;
  ackGroups: readonly string[];
}

/** The only door to kafkajs. `look` fails when one of the groups or the topic cannot be asked: it never guesses. */
export interface KafkaDoor {
  look: () => Promise<Sight>;
  /** A new member of cleanup's group, which reads from the oldest record when the group has no position. */
  createConsumer: () => Consumer;
  disconnect: () => Promise<void>;
}

export async function openKafka(watched: Watched): Promise<KafkaDoor> {
  const kafka = new kafkajs.Kafka({ clientId: 'outbox-cleanup', brokers: watched.brokers, logLevel: kafkajs.logLevel.WARN });
  const admin = kafka.admin();
  await admin.connect();
  return {
    look: () => look(admin, watched),
    createConsumer: () =>
      kafka.consumer({
        groupId: watched.group,
        readUncommitted: false,
        // A partition that is resumed joins the next fetch: the wait of an idle one is how late its rows are deleted.
        maxWaitTimeInMs: 250,
        // What is fetched is held in memory whatever the lag. Above half a MiB a batch brings more rows than one DELETE.
        maxBytesPerPartition: 524_288,
        maxBytes: 2_097_152,
        retry: { retries: 20 },
      }),
    disconnect: () => admin.disconnect(),
  };
}

/** The positions are read before the ends, so that a group's honest position is never beyond an end. */
export async function look(admin: Admin, { topic, group, ackGroups }: Omit<Watched, 'brokers'>): Promise<Sight> {
  const [{ clusterId }, own, ...groups] = await Promise.all([
    admin.describeCluster(),
    committed(admin, group, topic),
    ...ackGroups.map(async (name) => [name, atLeastZero(await committed(admin, name, topic))] as const),
  ]);
  const offsets = await admin.fetchTopicOffsets(topic);
  return {
    clusterId,
    starts: new Map(offsets.map(({ partition, low }) => [partition, BigInt(low)])),
    ends: new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])),
    cleanupPolicy: await cleanupPolicy(admin, topic),
    own: new Map([...own].filter(([, offset]) => offset >= 0n)),
    groups: new Map(groups),
  };
}

async function committed(admin: Admin, groupId: string, topic: string): Promise<Offsets> {
  const [entry] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return new Map(entry?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** Kafka says −1 for "nothing committed". */
const atLeastZero = (offsets: Offsets): Offsets =>
  new Map([...offsets].map(([partition, offset]) => [partition, offset < 0n ? 0n : offset]));

async function cleanupPolicy(admin: Admin, topic: string): Promise<string> {
  const wanted = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] };
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [wanted] });
  return resources[0]?.configEntries[0]?.configValue ?? 'unknown';
}
