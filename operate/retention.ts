import type { Admin } from 'kafkajs';
import { EVENT_TOPIC } from '../contract/names.ts';
import { topicConfigs } from '../kit/kafka-admin.ts';

/**
 * The moment before which retention may have removed events, if it is later than `since`.
 *
 * @returns undefined when the topic still has everything since then
 */
export async function expiredBefore(admin: Admin, since: Date): Promise<Date | undefined> {
  const retentionMs = Number((await topicConfigs(admin, EVENT_TOPIC)).get('retention.ms') ?? -1);
  const first = new Date(Date.now() - retentionMs);
  return retentionMs < 0 || since >= first ? undefined : first;
}
