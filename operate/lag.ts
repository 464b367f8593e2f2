import type { Admin } from 'kafkajs';
import { OPERATOR_GROUPS } from '../contract/kafka-grants.ts';
import { committedOffsets, topicOffsets } from '../kit/kafka-admin.ts';

/** The lag of a group, in offsets that it has not committed past. */
export interface Lag {
  group: string;
  /** An upper bound of the remaining records, as transaction markers have offsets too. */
  records: bigint;
  /** Whether the group has certainly read everything. */
  exact: boolean;
}

/** The lag of groups on a topic, from offsets alone: it joins no group and writes nothing. @param offsets of the topic, if already read */
export async function readLag(
  admin: Admin,
  topic: string,
  groups: readonly string[],
  offsets?: Awaited<ReturnType<typeof topicOffsets>>,
): Promise<Lag[]> {
  const { starts, ends } = offsets ?? (await topicOffsets(admin, topic));
  return Promise.all(
    groups.map(async (group) => {
      const committed = await committedOffsets(admin, group, topic);
      // A group without a position begins with the first record.
      const at = (partition: number) => [committed.get(partition) ?? -1n].find((offset) => offset >= 0n) ?? starts.get(partition) ?? 0n;
      const behind = [...ends].map(([partition, end]) => end - at(partition));
      const records = behind.filter((left) => left > 0n).reduce((sum, left) => sum + left, 0n);
      return { group, records, exact: records === 0n };
    }),
  );
}

/** The consumer groups on Kafka, without those of the operator's commands. */
export async function consumerGroups(admin: Admin): Promise<string[]> {
  const { groups } = await admin.listGroups();
  return groups
    .filter(({ groupId, protocolType }) => protocolType === 'consumer' && !groupId.startsWith(OPERATOR_GROUPS))
    .map(({ groupId }) => groupId)
    .sort();
}
