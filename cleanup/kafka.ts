import type { Admin, Consumer } from 'kafkajs';
import type { Logger } from 'pino';
import { createKafka } from '../kit/kafka.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import { committedOffsets, topicConfigs, topicOffsets, type Offsets } from '../kit/kafka-admin.ts';

/** The topic and the groups' positions at one moment. */
export interface TopicSnapshot {
  clusterId: string;
  /** The first offset that still exists, and the one after the last that is stable (not in an open transaction). */
  starts: Offsets;
  ends: Offsets;
  cleanupPolicy: string;
  /** Cleanup's own positions. A partition without a position is absent. */
  own: Offsets;
  /** The positions of the groups that must acknowledge: 0 for none (−1 in Kafka). A partition that they lack is absent. */
  groups: ReadonlyMap<string, Offsets>;
}

interface Watched {
  settings: KafkaSettings;
  log: Logger;
  topic: string;
  group: string;
  ackGroups: readonly string[];
}

/** Cleanup's view of Kafka. `readSnapshot` fails when the topic or one of the groups cannot be read: it never guesses. */
export interface CleanupKafka {
  readSnapshot: () => Promise<TopicSnapshot>;
  /** A new member of cleanup's group, which reads from the oldest record when the group has no position. */
  createConsumer: () => Consumer;
  disconnect: () => Promise<void>;
}

export async function openKafka(watched: Watched): Promise<CleanupKafka> {
  const kafka = createKafka(watched.settings, { clientId: 'outbox-cleanup', log: watched.log });
  const admin = kafka.admin();
  await admin.connect();
  return {
    readSnapshot: () => readSnapshot(admin, watched),
    createConsumer: () =>
      kafka.consumer({
        groupId: watched.group,
        readUncommitted: false,
        // A resumed partition joins the next fetch, so the wait of an idle fetch delays its deletes.
        maxWaitTimeInMs: 250,
        // Fetched batches are held in memory. Above half a MiB, a batch has more rows than one DELETE.
        maxBytesPerPartition: 524_288,
        maxBytes: 2_097_152,
        retry: { retries: 20 },
      }),
    disconnect: () => admin.disconnect(),
  };
}

/** Reads the positions before the ends, so that a correct position is never beyond an end. */
export async function readSnapshot(admin: Admin, { topic, group, ackGroups }: Omit<Watched, 'settings' | 'log'>): Promise<TopicSnapshot> {
  const [{ clusterId }, own, ...groups] = await Promise.all([
    admin.describeCluster(),
    committedOffsets(admin, group, topic),
    ...ackGroups.map(async (name) => [name, atLeastZero(await committedOffsets(admin, name, topic))] as const),
  ]);
  const { starts, ends } = await topicOffsets(admin, topic);
  return {
    clusterId,
    starts,
    ends,
    cleanupPolicy: (await topicConfigs(admin, topic)).get('cleanup.policy') ?? 'unknown',
    own: new Map([...own].filter(([, offset]) => offset >= 0n)),
    groups: new Map(groups),
  };
}

/** Kafka says −1 for "nothing committed". */
const atLeastZero = (offsets: Offsets): Offsets =>
  new Map([...offsets].map(([partition, offset]) => [partition, offset < 0n ? 0n : offset]));
