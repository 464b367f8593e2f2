import type { Admin, Kafka } from 'kafkajs';
import { createKafka } from '../../kit/kafka.ts';
import { kafkaFor } from '../../stack/kafka-logins.ts';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

/** A client that may do everything. */
export const adminClient = (): Kafka => createKafka(kafkaFor(config, 'admin'), { clientId: 'test', retry: { retries: 30 } });

/** A client of its own, ended afterwards. */
export async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = adminClient().admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Partition → committed offset, −1 for none. */
export async function committed(groupId: string): Promise<Map<number, bigint>> {
  const [entry] = await withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [EVENT_TOPIC] }));
  return new Map(entry?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** Partition → the offset after the last decided record. */
export async function ends(): Promise<Map<number, bigint>> {
  const offsets = await withAdmin((admin) => admin.fetchTopicOffsets(EVENT_TOPIC));
  return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
}

/** Sets a group without members to an offset on every partition. */
export async function setOffsets(groupId: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
  const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
  await withAdmin((admin) => admin.setOffsets({ groupId, topic: EVENT_TOPIC, partitions }));
}

/** Offsets between the group and the end, transaction markers included. Where it committed nothing (below 0), it is at 0. */
export async function lag(groupId: string): Promise<bigint> {
  const at = await committed(groupId);
  const position = (offset = 0n) => (offset < 0n ? 0n : offset);
  return [...(await ends())].reduce((sum, [partition, end]) => sum + end - position(at.get(partition)), 0n);
}

export async function untilNoLag(groupId: string, withinMs = 60_000): Promise<void> {
  await waitFor(`${groupId} has no lag`, async () => (await lag(groupId)) === 0n, withinMs);
}
