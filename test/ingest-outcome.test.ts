import { readFileSync } from 'node:fs';
import type { Schema } from 'avsc';
import pg from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventSchema } from '../contract/event.ts';
import { traceparentOf } from '../ingest/webhook.ts';
import { createRecorder, poolTimeouts } from '../ingest/record-event.ts';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { startProxy, type Proxy } from './support/proxy.ts';
import { config, query } from './support/stack.ts';
import { databaseUrl } from '../stack/config.ts';

// Answers and stored rows when the link to Postgres breaks at the worst moments.

let proxy: Proxy;
let own: OwnIngest;
beforeAll(async () => {
  proxy = await startProxy(config.POSTGRES_PORT);
  own = await startIngest({ DATABASE_URL: databaseUrl(config, 'ingest').replace(`:${config.POSTGRES_PORT}/`, `:${proxy.port}/`) });
}, 60_000);
beforeEach(() => {
  proxy.cutBefore = () => false;
});
afterAll(async () => {
  await own.stop();
  await proxy.close();
});

interface Sent {
  n: number;
  status: number;
  id: string | undefined;
  code: string | undefined;
}

async function send(userId: string, n: number, key = true): Promise<Sent> {
  const headers = { 'content-type': 'application/json', ...(key ? { 'idempotency-key': `k${n}` } : {}) };
  const response = await fetch(`${own.url}/hooks/catch/${userId}/z`, { method: 'POST', headers, body: JSON.stringify({ n }) });
  const { id, code } = (await response.json()) as { id?: string; code?: string };
  return { n, status: response.status, id, code };
}

/** The ids of each request's runs. */
async function runsByRequest(userId: string): Promise<Map<number, string[]>> {
  const runs = await query<{ id: string; n: string }>(`SELECT id, metadata->>'n' AS n FROM zap_run WHERE user_id = $1`, [userId]);
  const byRequest = new Map<number, string[]>();
  for (const { id, n } of runs) byRequest.set(Number(n), [...(byRequest.get(Number(n)) ?? []), id]);
  return byRequest;
}

// The proxy reads the answers of Postgres, which TLS hides.
describe.skipIf(config.STACK_TLS)('the connection cut between COMMIT and its reply', () => {
  test('a hundred times leaves no request with two runs, and none that got 200 without one', { timeout: 120_000 }, async () => {
    const userId = uniqueName('user');
    let cuts = 0;
    const answers: Sent[] = [];
    for (let round = 0; round < 100; round += 1) {
      let armed = true;
      proxy.cutBefore = (answer) => {
        if (!armed || !answer.includes('INSERT 0 ')) return false;
        armed = false;
        cuts += 1;
        return true;
      };
      // Several at once, so that groups have more than one member; with and without a key.
      answers.push(...(await Promise.all([0, 1, 2, 3].map((at) => send(userId, round * 4 + at, at % 2 === 0)))));
    }
    expect(cuts).toBe(100);
    const runs = await runsByRequest(userId);
    expect([...runs.values()].filter((ids) => ids.length > 1)).toEqual([]);
    // The database was there all the time, so each could be answered.
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    for (const { n, id } of answers) expect(runs.get(n)).toEqual([id]);
  });
});

describe('connections cut at any moment', () => {
  test('under load leave no request with two runs, and none that got 200 without one', { timeout: 120_000 }, async () => {
    const userId = uniqueName('user');
    const answers: Sent[] = [];
    const load = { over: false };
    const cutting = (async () => {
      while (!load.over) {
        await query('SELECT pg_sleep(0.03)');
        proxy.cutAll();
      }
    })();
    for (let n = 0; n < 1000; n += 40) {
      answers.push(...(await Promise.all(Array.from({ length: 40 }, (_, at) => send(userId, n + at, at % 2 === 0)))));
    }
    load.over = true;
    await cutting;
    const runs = await runsByRequest(userId);
    expect([...runs.values()].filter((ids) => ids.length > 1)).toEqual([]);
    for (const { n, status, id, code } of answers) {
      if (status === 200) expect(runs.get(n)).toEqual([id]);
      else expect([503, true]).toEqual([status, ['outcome_unknown', 'database_unavailable'].includes(code ?? '')]);
      if (code === 'database_unavailable') expect(runs.get(n)).toBeUndefined();
    }
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(500);
  });
});

test('a lookup that Postgres cancels after the commit still leads to the id of the stored run', { timeout: 30_000 }, async () => {
  const pool = new pg.Pool({ connectionString: databaseUrl(config, 'ingest'), max: 3, ...poolTimeouts });
  onTestFinished(() => pool.end());
  let cancelled = 0;
  const connect = async () => {
    const client = await pool.connect();
    const asked = (statement: pg.QueryConfig) => {
      if (statement.name !== 'find-runs') return client.query(statement);
      cancelled += 1;
      return client.query("SET statement_timeout = '1ms'; SELECT pg_sleep(1)");
    };
    return { query: asked, on: client.on.bind(client), off: client.off.bind(client), release: client.release.bind(client) };
  };
  const { record } = createRecorder({ options: pool.options, connect } as unknown as pg.Pool, 100);
  const [userId, first] = [uniqueName('user'), v7()];
  const text = readFileSync('contract/schemas/zap-run.avsc', 'utf8');
  const [known] = await query<{ schema_id: number }>('SELECT schema_id FROM event_schema ORDER BY 1 DESC LIMIT 1');
  const schema = eventSchema(known?.schema_id ?? 0, JSON.parse(text) as Schema);
  const event = (id: string, idempotencyKey: string) => {
    const webhook = { userId, zapId: 'z', idempotencyKey, metadata: '1', headers: {}, traceparent: traceparentOf(undefined, id) };
    const receivedAt = new Date();
    return { ...webhook, id, receivedAt, schemaId: schema.id, payload: schema.encode(id, receivedAt, webhook) };
  };
  await record(event(first, 'known'));
  const [repeat, stored] = [v7(), v7()];
  const answers = await Promise.all([record(event(repeat, 'known')), record(event(stored, 'new'))]);
  expect(answers).toEqual([
    { id: first, repeated: true },
    { id: stored, repeated: false },
  ]);
  expect(cancelled).toBe(1);
});

describe('Postgres that does not answer', () => {
  test('gives 503 outcome_unknown within three seconds, and 200 once it answers again', { timeout: 60_000 }, async () => {
    const userId = uniqueName('user');
    await send(userId, 0);
    proxy.delayMs = 60_000;
    const began = performance.now();
    expect(await send(userId, 1)).toMatchObject({ status: 503, code: 'outcome_unknown' });
    expect(performance.now() - began).toBeLessThan(3000);
    proxy.delayMs = 0;
    proxy.cutAll();
    expect(await send(userId, 2)).toMatchObject({ status: 200 });
  });
});
