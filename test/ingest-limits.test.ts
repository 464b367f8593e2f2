import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseUrl } from '../stack/config.ts';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { startProxy, type Proxy } from './support/proxy.ts';
import { config, query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Ingest under too many requests, too many bytes, and too many waiting rows.

let proxy: Proxy;
let own: OwnIngest;
beforeAll(async () => {
  proxy = await startProxy(config.POSTGRES_PORT);
  own = await startIngest({
    DATABASE_URL: databaseUrl(config, 'ingest').replace(`:${config.POSTGRES_PORT}/`, `:${proxy.port}/`),
    QUEUE_LIMIT: '20',
    QUEUE_BYTES: '2000000',
    OUTBOX_MAX_BYTES: '30000000',
  });
}, 60_000);
afterAll(async () => {
  await own.stop();
  await proxy.close();
});

async function send(userId: string, body: string, headers: Record<string, string> = {}) {
  const began = performance.now();
  const response = await fetch(`${own.url}/hooks/catch/${userId}/z`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code, retryAfter: response.headers.get('retry-after'), ms: performance.now() - began };
}

const refusals = (answers: Awaited<ReturnType<typeof send>>[]) => answers.filter(({ code }) => code === 'overloaded');

describe('while Postgres is blocked', () => {
  test.each([
    ['too many requests', 200, '{}'],
    ['too many bytes', 40, JSON.stringify('x'.repeat(200_000))],
  ])('%s are refused with 503 and Retry-After, the others are recorded, and afterwards all are accepted', async (_what, count, body) => {
    const userId = uniqueName('user');
    const locker = new pg.Client({ connectionString: databaseUrl(config, 'outbox_owner') });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE zap_run IN EXCLUSIVE MODE');
    const answers: Awaited<ReturnType<typeof send>>[] = [];
    const sending = Promise.all(Array.from({ length: count }, async () => answers.push(await send(userId, body))));
    try {
      await waitFor('a request is refused', () => refusals(answers).length > 0);
    } finally {
      await locker.end();
    }
    await sending;
    for (const answer of refusals(answers)) expect(answer).toMatchObject({ status: 503, retryAfter: '1' });
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    const counted = (outcome: (answer: (typeof answers)[number]) => boolean) => answers.filter(outcome).length;
    const recorded = counted(({ status }) => status === 200);
    const [runs] = await query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run WHERE user_id = $1', [userId]);
    // A webhook answered outcome_unknown may be stored or not.
    expect(runs?.n).toBeGreaterThanOrEqual(recorded);
    expect(runs?.n).toBeLessThanOrEqual(recorded + counted(({ code }) => code === 'outcome_unknown'));
    expect(await send(userId, body)).toMatchObject({ status: 200 });
  });
});

test(
  'without Postgres a post is answered 503 database_unavailable within three seconds, and 200 once it is back',
  { timeout: 60_000 },
  async () => {
    const userId = uniqueName('user');
    const { port } = proxy;
    await proxy.close();
    // The first may be written to a connection that is already dead: then its outcome is unknown.
    const first = await send(userId, '{}');
    expect(first.status).toBe(503);
    expect(['database_unavailable', 'outcome_unknown']).toContain(first.code);
    const refused = await send(userId, '{}');
    expect(refused).toMatchObject({ status: 503, code: 'database_unavailable' });
    for (const { ms } of [first, refused]) expect(ms).toBeLessThan(3000);
    expect((await fetch(`${own.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${own.url}/livez`)).status).toBe(200);
    proxy = await startProxy(config.POSTGRES_PORT, port);
    expect(await send(userId, '{}')).toMatchObject({ status: 200 });
    expect((await fetch(`${own.url}/readyz`)).status).toBe(200);
  },
);

test(
  'an outbox larger than OUTBOX_MAX_BYTES is answered 503 backpressure until it has shrunk, and nothing else is',
  { timeout: 120_000 },
  async () => {
    const userId = uniqueName('user');
    const filler = new pg.Client({ connectionString: databaseUrl(config, 'outbox_owner') });
    await filler.connect();
    try {
      // Never committed: it takes room anyway, and nothing of it is published.
      await filler.query('BEGIN');
      await filler.query(
        `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
         SELECT gen_random_uuid(), 'zap-run', 'u/z', 'ZapRunCreated', convert_to(string_agg(md5(random()::text || n || m), ''), 'UTF8')
         FROM generate_series(1, 50) n, generate_series(1, 27000) m GROUP BY n`,
      );
      const refused = await waitFor('ingest refuses', async () => {
        const answer = await send(userId, '{}');
        return answer.status === 503 ? answer : undefined;
      });
      expect(refused).toMatchObject({ code: 'backpressure', retryAfter: '30' });
      expect((await fetch(`${own.url}/readyz`)).status).toBe(200);
    } finally {
      await filler.query('ROLLBACK');
      await filler.end();
    }
    await query('VACUUM zap_run_outbox');
    await waitFor('ingest takes webhooks again', async () => (await send(userId, '{}')).status === 200, 60_000);
  },
);
