import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { startIngest } from './support/own-ingest.ts';
import { post } from './support/post.ts';
import { startProxy } from './support/proxy.ts';
import { config, query } from './support/stack.ts';
import { databaseUrl } from '../stack/config.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const runsOf = (userId: string) => query<{ id: string; zap_id: string }>('SELECT id, zap_id FROM zap_run WHERE user_id = $1', [userId]);

describe('an idempotency key', () => {
  test('makes one run, one event and 200 equal answers of 200 posts at once', async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(userId, zapId, '{"a": 1}', { 'idempotency-key': 'the-key' })));
    const ids = new Set(answers.map(({ status, body }) => `${status} ${body.id}`));
    const runs = await runsOf(userId);
    expect(runs).toHaveLength(1);
    expect([...ids]).toEqual([`200 ${runs[0]?.id}`]);

    // Another event of the zap comes after all that the first post could have caused.
    const last = await post(userId, zapId, '{}');
    const records = await topic.untilEvents(`${userId}/${zapId}`, 2);
    expect(records.map(({ headers }) => headers.id)).toEqual([runs[0]?.id, last.body.id]);
  });

  test('answers each of many keys at once with its own first id, whatever groups they fall into', async () => {
    const userId = uniqueName('user');
    const zaps = [uniqueName('zap'), uniqueName('zap')];
    const posts = Array.from({ length: 400 }, (_, n) => ({ zap: zaps[n % 2] ?? '', key: `k${Math.floor(n / 2) % 20}` }));
    const shuffled = posts.toSorted((a, b) => (a.key + a.zap < b.zap + b.key ? -1 : 1));
    const answers = await Promise.all(
      shuffled.map(async ({ zap, key }) => {
        const { status, body } = await post(userId, zap, JSON.stringify({ key }), { 'idempotency-key': key });
        return `${zap} ${key} ${status} ${body.id}`;
      }),
    );
    expect(new Set(answers).size).toBe(40);
    expect(await runsOf(userId)).toHaveLength(40);
  });

  test('with another body is refused, also among posts of the same moment, and stores nothing more', async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const bodies = ['{"a":1}', '{"a": 1}', '{"a":2}'];
    const answers = await Promise.all(bodies.map((body) => post(userId, zapId, body, { 'idempotency-key': 'k' })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('idempotency_conflict');
    expect(await runsOf(userId)).toHaveLength(1);
  });

  test('is the webhook-id of Standard Webhooks where there is no Idempotency-Key', async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const first = await post(userId, zapId, '{}', { 'webhook-id': 'msg_1' });
    const again = await post(userId, zapId, '{}', { 'webhook-id': 'msg_1' });
    const other = await post(userId, zapId, '{}', { 'webhook-id': 'msg_1', 'idempotency-key': 'x' });
    expect(again.body.id).toBe(first.body.id);
    expect(other.body.id).not.toBe(first.body.id);
  });

  test('belongs to its zap alone', async () => {
    const userId = uniqueName('user');
    for (const zapId of [uniqueName('zap'), uniqueName('zap')]) await post(userId, zapId, '{}', { 'idempotency-key': 'k' });
    expect(await runsOf(userId)).toHaveLength(2);
  });
});

test('two posts without a key are two runs, whatever their bodies', async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const answers = await Promise.all([post(userId, zapId, '{"a":1}'), post(userId, zapId, '{"a":1}')]);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(2);
  expect(await runsOf(userId)).toHaveLength(2);
});

test('a retry after ingest died between COMMIT and the reply gets the first id', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const proxy = await startProxy(config.POSTGRES_PORT);
  const own = await startIngest({ DATABASE_URL: databaseUrl(config, 'ingest').replace(`:${config.POSTGRES_PORT}/`, `:${proxy.port}/`) });
  try {
    // The answer to the insert: the transaction is committed, and ingest will never know.
    proxy.cutBefore = (answer) => {
      if (!answer.includes('INSERT 0 ')) return false;
      process.kill(own.pid, 'SIGKILL');
      return true;
    };
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
    await expect(fetch(`${own.url}/hooks/catch/${userId}/${zapId}`, { method: 'POST', body: '{}', headers })).rejects.toThrow();
    const [run] = await waitFor('the run is there', async () => {
      const runs = await runsOf(userId);
      return runs.length > 0 ? runs : undefined;
    });
    const retried = await post(userId, zapId, '{}', { 'idempotency-key': 'k' });
    expect(retried).toMatchObject({ status: 200, body: { id: run?.id } });
    expect(await runsOf(userId)).toHaveLength(1);
  } finally {
    await proxy.close();
  }
});
