import type { Admin } from 'kafkajs';
import { scanTopic, type Ranges } from './kafka.ts';

/** How far a group is behind: records that it has not committed past. */
export interface Lag {
  group: string;
  records: bigint;
  /** Whether it was counted. Where much is left, the offsets are subtracted, which may include transactions' markers. */
  exact: boolean;
}

/** Reading so many offsets per partition takes well below a second. */
const COUNTED_OFFSETS = 2000n;

type Offsets = ReadonlyMap<number, bigint>;

/**
 * The lag of groups on a topic. A transaction leaves a marker, which takes an offset and is no record: a group that
 * has read everything may stand before the last one. So what little is left is read and counted.
 */
export async function readLag(brokers: readonly string[], admin: Admin, topic: string, groups: readonly string[]): Promise<Lag[]> {
  const ends: Offsets = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)]));
  const lows: Offsets = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, low }) => [partition, BigInt(low)]));
  const positions = new Map(await Promise.all(groups.map(async (group) => [group, await committed(admin, group, topic, lows)] as const)));
  const ranges = new Map<number, { from: bigint; to: bigint }>();
  for (const [partition, to] of ends) {
    const near = [...positions.values()].map((at) => at.get(partition) ?? 0n).filter((at) => at < to && to - at <= COUNTED_OFFSETS);
    if (near.length > 0) ranges.set(partition, { from: near.reduce((a, b) => (a < b ? a : b)), to });
  }
  const records = await offsetsOf(brokers, topic, ranges);
  return [...positions].map(([group, at]) => {
    let sum = 0n;
    let exact = true;
    for (const [partition, end] of ends) {
      const position = at.get(partition) ?? 0n;
      const behind = end > position ? end - position : 0n;
      const counted = behind <= COUNTED_OFFSETS;
      exact &&= counted;
      sum += counted ? BigInt((records.get(partition) ?? []).filter((offset) => offset >= position).length) : behind;
    }
    return { group, records: sum, exact };
  });
}

async function offsetsOf(brokers: readonly string[], topic: string, ranges: Ranges): Promise<Map<number, bigint[]>> {
  const found = new Map<number, bigint[]>();
  await scanTopic(brokers, topic, ranges, (partition, messages) => {
    found.set(partition, [...(found.get(partition) ?? []), ...messages.map(({ offset }) => BigInt(offset))]);
  });
  return found;
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
