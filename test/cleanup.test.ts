import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { adminClient } from './support/kafka.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const rowsOf = async (userId: string) =>
  (await query<{ id: string }>('SELECT id FROM zap_run_outbox WHERE aggregateid LIKE $1 ORDER BY seq', [`${userId}/%`])).map(
    ({ id }) => id,
  );

test('nothing is deleted before the group commits, and everything after it has', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('consumer');
  const ids = await postInTurn(userId, zapId, 30);
  const records = await topic.untilEvents(`${userId}/${zapId}`, 30);

  // Cleanup is known to work meanwhile because it deletes the first ten rows, which the group then commits.
  const { partition, offset } = records[9] ?? { partition: -1, offset: 0n };
  expect(await rowsOf(userId)).toEqual(ids);
  const kafka = adminClient();
  const admin = kafka.admin();
  await admin.connect();
  try {
    const partitions = [{ partition, offset: String(offset + 1n) }];
    await admin.setOffsets({ groupId: 'consumers-example', topic: EVENT_TOPIC, partitions });
  } finally {
    await admin.disconnect();
  }
  await waitFor('the acknowledged rows are deleted', async () => (await rowsOf(userId)).length <= 20);
  expect(await rowsOf(userId)).toEqual(ids.slice(10));

  await start('consumer');
  await untilUp('consumer');
  await waitFor('the other rows are deleted too', async () => (await rowsOf(userId)).length === 0);
  expect(await query('SELECT count(*)::int AS runs FROM zap_run WHERE user_id = $1', [userId])).toEqual([{ runs: 30 }]);
});

test("a record with a row's id but other bytes deletes nothing", { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('connect', 'cleanup', 'consumer');
  const producer = adminClient().producer();
  let ids: string[];
  try {
    ids = await postInTurn(userId, zapId, 2);
    await start('cleanup');
    await producer.connect();
    const [other] = await query<{ payload: Buffer }>('SELECT payload FROM zap_run_outbox WHERE id = $1', [ids[1]]);
    const forged = other?.payload ?? null;
    const headers = { id: ids[0] ?? '', type: 'ZapRunCreated' };
    const [sent] = await producer.send({ topic: EVENT_TOPIC, messages: [{ key: 'forged', value: forged, headers, partition: 0 }] });
    const next = BigInt(sent?.baseOffset ?? 0) + 1n;
    // The group passes the forged record, and so does cleanup: its own position tells when it has evaluated it.
    const admin = adminClient().admin();
    await admin.connect();
    try {
      const group = { topic: EVENT_TOPIC, partitions: [{ partition: 0, offset: String(next) }] };
      await admin.setOffsets({ groupId: 'consumers-example', ...group });
      await waitFor('cleanup has passed the forged record', async () => {
        const [entry] = await admin.fetchOffsets({ groupId: 'outbox-cleanup', topics: [EVENT_TOPIC] });
        return BigInt(entry?.partitions.find(({ partition }) => partition === 0)?.offset ?? -1) >= next;
      });
    } finally {
      await admin.disconnect();
    }
    expect(await rowsOf(userId)).toEqual(ids);
  } finally {
    await producer.disconnect();
    await start('connect', 'cleanup', 'consumer');
    await untilUp('connect', 'cleanup', 'consumer');
  }
  await waitFor('the rows go with their real records', async () => (await rowsOf(userId)).length === 0, 60_000);
});
