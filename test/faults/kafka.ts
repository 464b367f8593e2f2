import { withAdmin as withKafkaAdmin } from '../../kit/kafka-admin.ts';
import type { Admin } from 'kafkajs';
import type { StackConfig } from '../../stack/config.ts';
import { kafkaFor } from '../../stack/kafka-logins.ts';

/** The harness's requests to Kafka about groups. It reads topics with the Java client. */
const withAdmin = <T>(config: StackConfig, use: (admin: Admin) => Promise<T>): Promise<T> =>
  withKafkaAdmin(kafkaFor(config, 'admin'), 'faults', use, { retries: 2 });

/** @returns true. @throws while a group has members */
export async function deleteGroups(config: StackConfig, groups: string[]): Promise<true> {
  await withAdmin(config, (admin) => admin.deleteGroups(groups));
  return true;
}

/** @returns true, also when it is gone already */
export async function deleteTopic(config: StackConfig, topic: string): Promise<true> {
  await withAdmin(config, async (admin) => {
    if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  });
  return true;
}

/** What the groups have not yet committed past, of the topic. */
export async function lagOf(config: StackConfig, topic: string, groups: readonly string[]): Promise<Map<string, number>> {
  return withAdmin(config, async (admin) => {
    const lags = new Map<string, number>();
    const positions = await Promise.all(groups.map((groupId) => admin.fetchOffsets({ groupId, topics: [topic] })));
    const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
    for (const [index, group] of groups.entries()) {
      const partitions = positions[index]?.[0]?.partitions ?? [];
      lags.set(
        group,
        partitions.reduce((sum, { partition, offset }) => sum + (ends.get(partition) ?? 0) - Math.max(0, Number(offset)), 0),
      );
    }
    return lags;
  });
}
