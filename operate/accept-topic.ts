import { setTimeout as delay } from 'node:timers/promises';
import { Command } from '@commander-js/extra-typings';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { readCleanupStop } from '../checks/state.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { committedOffsets, topicOffsets } from '../kit/kafka-admin.ts';
import { TOPIC_RESOURCE, withAdmin } from './kafka.ts';
import { withPostgres } from './postgres.ts';
import type { Config } from './config.ts';
import { OperateError, type Output, type Run } from './verb.ts';

/** Each copy of cleanup leaves its group soon after one of them has stopped. */
const LEAVE_WITHIN_MS = 30_000;
/** Kafka's code for a value that was set on the topic itself and is not inherited. */
const SET_FOR_TOPIC = 1;

/** Ends a stop of cleanup. It loses nothing: rows are deleted only after their events have been read back again. */
export const acceptTopic = (run: Run) =>
  new Command('accept-topic')
    .description('after cleanup has stopped: accepts the topic in its current state, and cleans up from its beginning')
    .action(() => run(accept));

async function accept(config: Config, { say }: Output): Promise<number> {
  const { DATABASE_URL, CLEANUP_GROUP, ACK_GROUPS } = config;
  return withPostgres(DATABASE_URL, async (pool) => {
    const stop = await readCleanupStop(pool, EVENT_TOPIC);
    if (stop === undefined) {
      say('Cleanup has not stopped: nothing to accept.');
      return 0;
    }
    say(`Cleanup stopped at ${stop.at.toISOString()} with ${stop.code}: ${stop.detail}`);
    await withAdmin(config, async (admin) => {
      if (await restorePolicy(admin)) say('cleanup.policy is delete again.');
      await forgetPosition(admin, CLEANUP_GROUP);
      for (const group of ACK_GROUPS)
        if (await setBack(admin, group)) say(`${group} starts over on the partitions where it was beyond the end.`);
    });
    // Last, so that an interrupted run can be repeated: until here cleanup stays stopped.
    await forgetTopic(pool);
    say('The topic is accepted. Cleanup reads it from the beginning; what is not on it is sent again by the reconciler.');
    return 0;
  });
}

/** Deletes cleanup's memory of the topic, and with it its stop: cleanup then starts as with a new topic. */
export async function forgetTopic(pool: Pool): Promise<void> {
  await pool.query('DELETE FROM cleanup_partition WHERE topic = $1', [EVENT_TOPIC]);
  await pool.query('DELETE FROM cleanup_state WHERE topic = $1', [EVENT_TOPIC]);
}

/** kafkajs can only write all settings of a topic at once, so the other ones are written again. */
async function restorePolicy(admin: Admin): Promise<boolean> {
  const resource = { type: TOPIC_RESOURCE, name: EVENT_TOPIC };
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
  const entries = resources[0]?.configEntries ?? [];
  if (entries.find(({ configName }) => configName === 'cleanup.policy')?.configValue === 'delete') return false;
  const kept = entries
    .filter(({ configName, configSource }) => (configSource as number) === SET_FOR_TOPIC && configName !== 'cleanup.policy')
    .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
  const configEntries = [...kept, { name: 'cleanup.policy', value: 'delete' }];
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
  return true;
}

/** @throws OperateError GROUP_RUNNING when a copy of cleanup does not leave */
async function forgetPosition(admin: Admin, group: string): Promise<void> {
  await untilEmpty(admin, group, LEAVE_WITHIN_MS);
  const { groups } = await admin.listGroups();
  if (groups.some(({ groupId }) => groupId === group)) await admin.deleteGroups([group]);
}

/**
 * Resets the group on partitions where it is beyond the end. Some events come twice, and none is skipped.
 *
 * @throws OperateError GROUP_RUNNING
 */
async function setBack(admin: Admin, group: string): Promise<boolean> {
  const { starts, ends } = await topicOffsets(admin, EVENT_TOPIC);
  const beyond = [...(await committedOffsets(admin, group, EVENT_TOPIC))].filter(
    ([partition, offset]) => offset > (ends.get(partition) ?? 0n),
  );
  if (beyond.length === 0) return false;
  await untilEmpty(admin, group, 0);
  const partitions = beyond.map(([partition]) => ({ partition, offset: String(starts.get(partition) ?? 0n) }));
  await admin.setOffsets({ groupId: group, topic: EVENT_TOPIC, partitions });
  return true;
}

async function untilEmpty(admin: Admin, group: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { groups } = await admin.describeGroups([group]);
    const members = groups[0]?.members.length ?? 0;
    if (members === 0) return;
    if (performance.now() >= deadline) {
      throw new OperateError('GROUP_RUNNING', `The group ${group} has ${members} members. Stop them, and run accept-topic again.`);
    }
    await delay(250);
  }
}
