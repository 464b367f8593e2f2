import type { Admin } from 'kafkajs';

/** How far a group is behind, in offsets that it has not committed past. */
export interface Lag {
  group: string;
  /** At least the records that are left: transactions' markers take an offset too. */
  records: bigint;
  /** Whether nothing is left, which is certain. */
  exact: boolean;
}

type Offsets = ReadonlyMap<number, bigint>;

/** The lag of groups on a topic, by offsets alone: a status joins no group and writes nothing. */
export async function readLag(admin: Admin, topic: string, groups: readonly string[]): Promise<Lag[]> {
  const partitions = await admin.fetchTopicOffsets(topic);
  const lows: Offsets = new Map(partitions.map(({ partition, low }) => [partition, BigInt(low)]));
  return Promise.all(
    groups.map(async (group) => {
      const at = await committed(admin, group, topic, lows);
      const behind = partitions.map(({ partition, high }) => BigInt(high) - (at.get(partition) ?? 0n));
      const records = behind.filter((left) => left > 0n).reduce((sum, left) => sum + left, 0n);
      return { group, records, exact: records === 0n };
    }),
  );
}

/** Where nothing is committed a group begins with the first record there is. */
async function committed(admin: Admin, groupId: string, topic: string, lows: Offsets): Promise<Offsets> {
  const [entry] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const at = new Map(entry?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return new Map([...lows].map(([partition, low]) => [partition, (at.get(partition) ?? -1n) < 0n ? low : (at.get(partition) ?? low)]));
}

/** The consumer groups that Kafka knows, but for those of the operator's commands. */
export async function consumerGroups(admin: Admin): Promise<string[]> {
  const { groups } = await admin.listGroups();
  return groups
    .filter(({ groupId, protocolType }) => protocolType === 'consumer' && !groupId.startsWith('outbox-operate-'))
    .map(({ groupId }) => groupId)
    .sort();
}
