import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { post, postInTurn } from './support/post.ts';
import { query } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const outboxDepth = async (userId: string) =>
  Number((await query<{ n: string }>('SELECT count(*) AS n FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`]))[0]?.n);

describe('a webhook that was answered 200', () => {
  test('becomes one typed event with the right key and headers, and its row is gone from the outbox and stays in zap_run', async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const before = Date.now();
    const answer = await post(userId, zapId, '{"someData": "value"}', { traceparent, 'x-github-event': 'push', authorization: 'Bearer x' });
    expect(answer).toEqual({ status: 200, body: { message: 'Webhook received', id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string } });

    const [record, ...more] = await topic.untilEvents(`${userId}/${zapId}`, 1);
    expect(more).toEqual([]);
    expect(record?.headers).toMatchObject({ id: answer.body.id, type: 'ZapRunCreated', resends: '0', traceparent });
    expect(record?.event).toMatchObject({ zapRunId: answer.body.id, userId, zapId, metadata: '{"someData": "value"}' });
    expect(record?.event.headers).toMatchObject({ 'content-type': 'application/json', 'x-github-event': 'push' });
    expect(Object.keys(record?.event.headers ?? {})).not.toContain('authorization');
    expect(record?.event.receivedAt).toBeGreaterThanOrEqual(before);
    expect(record?.event.receivedAt).toBeLessThanOrEqual(Date.now());

    await waitFor('the row is cleaned up', async () => (await outboxDepth(userId)) === 0);
    const runs = await query('SELECT id, metadata::text AS metadata FROM zap_run WHERE user_id = $1', [userId]);
    expect(runs).toEqual([{ id: answer.body.id, metadata: '{"someData": "value"}' }]);
  });

  test.each([
    ['an escaped NUL', '{"a":"\\u0000"}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['2^53+1', '{"a":9007199254740993}'],
    ['duplicate keys', '{"a":1,"a":2}'],
    ['4-byte characters', '{"a":"𝔘𝔫𝔦🦄"}'],
    ['numbers that JavaScript would change', '[1e400, -0, 1.10, 1E+2]'],
    ['odd white space', ' \n{ "b" : 1 ,\t"a":2 }\r\n'],
    ['an empty string', '""'],
  ])('keeps its metadata exactly: %s', async (_what, body) => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    expect((await post(userId, zapId, body)).status).toBe(200);
    const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);
    expect(record?.event.metadata).toBe(body);
    expect(await query('SELECT metadata::text AS metadata FROM zap_run WHERE user_id = $1', [userId])).toEqual([{ metadata: body }]);
  });

  test('of the largest size arrives', async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const body = JSON.stringify('x'.repeat(524_288 - 2));
    expect((await post(userId, zapId, body)).status).toBe(200);
    const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);
    expect(record?.event.metadata === body).toBe(true);
    expect((await post(userId, zapId, `${body} `)).body.code).toBe('payload_too_large');
  });

  test('comes after the earlier answered ones of its zap, over 2,000 posts', { timeout: 180_000 }, async () => {
    const userId = uniqueName('user');
    const zaps = Array.from({ length: 20 }, () => uniqueName('zap'));
    const posted = await Promise.all(zaps.map((zapId) => postInTurn(userId, zapId, 100)));
    for (const [index, zapId] of zaps.entries()) {
      const records = await topic.untilEvents(`${userId}/${zapId}`, 100);
      expect(records.map(({ headers }) => headers.id)).toEqual(posted[index]);
      expect(new Set(records.map(({ partition }) => partition)).size).toBe(1);
    }
    await waitFor('all rows are cleaned up', async () => (await outboxDepth(userId)) === 0);
  });
});

test('a run whose event cannot be stored is not stored either, and the sender gets an error', async () => {
  const [userId, zapId, constraint] = [uniqueName('user'), uniqueName('zap'), uniqueName('refuse')];
  await query(`ALTER TABLE zap_run_outbox ADD CONSTRAINT ${constraint} CHECK (aggregateid NOT LIKE '${userId}/%') NOT VALID`);
  try {
    const refused = await post(userId, zapId, '{}');
    expect(refused.status).toBe(503);
    expect(refused.body.code).toBe('write_refused');
    expect(await query('SELECT id FROM zap_run WHERE user_id = $1', [userId])).toEqual([]);
    expect((await post(uniqueName('user'), zapId, '{}')).status).toBe(200);
  } finally {
    await query(`ALTER TABLE zap_run_outbox DROP CONSTRAINT ${constraint}`);
  }
  expect((await post(userId, zapId, '{}')).status).toBe(200);
  await topic.untilEvents(`${userId}/${zapId}`, 1);
});
