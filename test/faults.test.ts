import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { post, postInTurn } from './support/post.ts';
import { kill, query, start, stop, untilUp } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

/** Every id is on the topic, and the first occurrences are in the order of the answers. */
async function expectAllInOrder(userId: string, zapId: string, ids: string[]): Promise<void> {
  const records = await topic.untilEvents(`${userId}/${zapId}`, ids.length, 90_000);
  const first = [...new Set(records.map(({ headers }) => headers.id))];
  // A post whose answer was lost may have been stored: its event is on the topic under an id that the sender does not know.
  const known = new Set(ids);
  expect(first.filter((id) => id !== undefined && known.has(id))).toEqual(ids);
}

const rowsOf = async (userId: string) =>
  Number((await query<{ n: string }>('SELECT count(*) AS n FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`]))[0]?.n);

test.each(['connect', 'postgres'])('kill -9 of %s in the middle of 2,000 posts loses nothing', { timeout: 240_000 }, async (victim) => {
  const userId = uniqueName('user');
  const zaps = Array.from({ length: 10 }, () => uniqueName('zap'));
  let accepted = 0;
  const posting = Promise.all(zaps.map((zapId) => postInTurn(userId, zapId, 200, () => (accepted += 1))));
  await waitFor('500 posts are accepted', () => accepted >= 500, 60_000);
  await kill(victim);
  const posted = await posting;
  expect(posted.flat()).toHaveLength(2000);
  await untilUp(victim, 'ingest');
  for (const [index, zapId] of zaps.entries()) await expectAllInOrder(userId, zapId, posted[index] ?? []);
  await waitFor('all rows are cleaned up', async () => (await rowsOf(userId)) === 0, 60_000);
});

test(
  'with only Postgres running and ingest restarted, posts are answered 200 and arrive when the rest is back',
  { timeout: 240_000 },
  async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const others = ['consumer', 'cleanup', 'connect', 'registry', 'kafka'];
    await stop('ingest', ...others);
    await start('ingest');
    await untilUp('ingest');
    const ids = await postInTurn(userId, zapId, 50);
    expect(await rowsOf(userId)).toBe(50);
    await start(...others);
    await untilUp(...others);
    await expectAllInOrder(userId, zapId, ids);
    await waitFor('all rows are cleaned up', async () => (await rowsOf(userId)) === 0, 60_000);
  },
);

test('without Postgres a post is answered 503 within three seconds, and 200 again once it is back', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('postgres');
  try {
    const began = performance.now();
    const refused = await post(userId, zapId, '{}');
    expect(refused).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
    expect(performance.now() - began).toBeLessThan(3500);
  } finally {
    await start('postgres');
    await untilUp('postgres');
  }
  const [id] = await postInTurn(userId, zapId, 1);
  const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1, 60_000);
  expect(record?.headers.id).toBe(id);
});
