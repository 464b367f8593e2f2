import kafkajs from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { untilRunning } from './support/connector.ts';
import { withAdmin } from './support/kafka.ts';
import { startLoad } from './support/load.ts';
import { metric } from './support/metrics.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

auditThisFile();

/** kafkajs writes all settings of a topic at once, so the others are rewritten unchanged. @returns the previous value */
async function setLimit(bytes: string): Promise<string> {
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: EVENT_TOPIC };
  return withAdmin(async (admin) => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
    const own = resources[0]!.configEntries.filter(({ isDefault }) => !isDefault);
    const configEntries = own.map(({ configName: name, configValue }) => ({
      name,
      value: name === 'max.message.bytes' ? bytes : configValue,
    }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
    return own.find(({ configName }) => configName === 'max.message.bytes')!.configValue;
  });
}

test(
  'an event above a lowered limit moves to outbox_dead with an alarm, the others arrive, and requeue restores it',
  { timeout: 240_000 },
  async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const before = await setLimit('200000');
    onTestFinished(() => void setLimit(before));
    const load = startLoad(5, 60);
    await waitFor('some posts are accepted', () => load.accepted() >= 50, 60_000);
    const large = await post(userId, zapId, JSON.stringify('x'.repeat(250_000)));
    expect(large.status).toBe(200);
    const dead = () =>
      query<{ id: string; code: string; reason: string }>('SELECT id, code, reason FROM outbox_dead WHERE aggregateid = $1', [
        `${userId}/${zapId}`,
      ]);
    await waitFor('the event is buried', async () => (await dead()).length === 1, 90_000);
    expect(await dead()).toEqual([{ id: large.body.id, code: 'TOO_LARGE', reason: 'Kafka accepts records up to 200000 bytes' }]);
    await audit.expectKept(topic, await load.done);
    expect(await metric('WATCH', 'outbox_watch_repairs_total{rule="EVENT_TOO_LARGE",outcome="done"}')).toBeGreaterThanOrEqual(1);
    expect(await query('SELECT id FROM outbox_dead WHERE id <> $1', [large.body.id])).toEqual([]);

    await setLimit(before);
    expect(await query('SELECT outbox_requeue($1) AS moved', [[large.body.id]], 'operator')).toEqual([{ moved: 1 }]);
    const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);
    expect(record!.headers).toMatchObject({ id: large.body.id, resends: '1' });
    await audit.expectKept(topic, new Map([[`${userId}/${zapId}`, [large.body.id!]]]));
    await untilRunning();
  },
);
