import type { Admin } from 'kafkajs';
import type { TopicPlan } from '../contract/topics.ts';
import { integer } from './settings.ts';

/** What a deployment decides about the topics, to be spread into a schema. */
export const topicSettings = {
  TOPIC_PARTITIONS: integer(1, 1000).default(6).describe('Partitions of a new event topic'),
  TOPIC_REPLICATION_FACTOR: integer(1, 9).default(1).describe('Copies of each record; 3 in production'),
  TOPIC_RETENTION_HOURS: integer(1, 87_600).default(168).describe('How long the event topic keeps a record'),
  DEAD_LETTER_RETENTION_HOURS: integer(1, 876_000).default(2160).describe('How long the dead-letter topic keeps a record'),
};

/**
 * Creates the missing topics.
 *
 * @returns the names of the created topics
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
  return missing.map(({ topic }) => topic);
}
