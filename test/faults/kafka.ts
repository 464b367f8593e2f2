import kafkajs from 'kafkajs';

/** The harness's own requests to Kafka, about groups. What is on the topics it reads with the Java client. */
async function withAdmin<T>(broker: string, use: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({
    clientId: 'faults',
    brokers: [broker],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 2 },
  }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** @returns true. @throws while a group has members */
export async function deleteGroups(broker: string, groups: string[]): Promise<true> {
  await withAdmin(broker, (admin) => admin.deleteGroups(groups));
  return true;
}

/** @returns true, also when it is gone already */
export async function deleteTopic(broker: string, topic: string): Promise<true> {
  await withAdmin(broker, async (admin) => {
    if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  });
  return true;
}

/** What the groups have not yet committed past, of the topic. */
export async function lagOf(broker: string, topic: string, groups: readonly string[]): Promise<Map<string, number>> {
  return withAdmin(broker, async (admin) => {
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
