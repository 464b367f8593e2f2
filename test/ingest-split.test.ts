import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { query } from './support/stack.ts';

// Hooks that make several runs of one request: all of them or none.

const userId = uniqueName('user');
const folder = mkdtempSync(join(tmpdir(), 'zaps-'));
let ingest: OwnIngest;
beforeAll(async () => {
  const path = join(folder, 'zaps.json');
  const zaps = [
    { userId, zapId: 'elements', split: true },
    { userId, zapId: 'lines', ndjson: 'split' },
    { userId, zapId: 'whole' },
  ];
  writeFileSync(path, JSON.stringify({ zaps }));
  ingest = await startIngest({ ZAPS_FILE: path });
});
afterAll(async () => {
  await ingest.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  status: number;
  code?: string;
  id?: string;
  ids?: string[];
}

async function post(zapId: string, body: string, key?: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) };
  const response = await fetch(`${ingest.url}/hooks/catch/${userId}/${zapId}`, { method: 'POST', body, headers });
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
}

/** Runs with their events, in the order in which they were written. */
const runsOf = async (ids: readonly string[]) =>
  query<{ id: string; metadata: string; key: string | null }>(
    'SELECT id, metadata::text AS metadata, idempotency_key AS key FROM zap_run WHERE id = ANY ($1) ORDER BY id',
    [ids],
  );
const countOf = async (zapId: string) => {
  const [row] = await query<{ runs: number }>('SELECT count(*)::int AS runs FROM zap_run WHERE user_id = $1 AND zap_id = $2', [
    userId,
    zapId,
  ]);
  return row?.runs;
};

test('an array makes a run for each element, in its order, and so do lines', async () => {
  const elements = await post('elements', ' [{"event": "open"}, {"event":"click"},"bounce"]');
  expect(elements).toMatchObject({ status: 200, id: elements.ids?.[0] });
  expect((await runsOf(elements.ids ?? [])).map(({ id, metadata }) => [id, metadata])).toEqual(
    ['{"event": "open"}', '{"event":"click"}', '"bounce"'].map((metadata, at) => [elements.ids?.[at], metadata]),
  );
  const lines = await post('lines', '{"a":1}\n{"a":2}\n');
  expect((await runsOf(lines.ids ?? [])).map(({ metadata }) => metadata)).toEqual(['{"a":1}', '{"a":2}']);
  const whole = await post('whole', '[1,2]');
  expect(whole.ids).toBeUndefined();
  expect((await runsOf([whole.id ?? ''])).map(({ metadata }) => metadata)).toEqual(['[1,2]']);
});

test('a repeat with its key gets the ids of the first, and the same key with other elements stores nothing', async () => {
  const key = uniqueName('key');
  const first = await post('elements', '[1,2,3]', key);
  expect(first.ids).toHaveLength(3);
  const before = await countOf('elements');
  expect(await post('elements', '[1,2,3]', key)).toEqual(first);
  for (const other of ['[1,2]', '[1,2,3,4]', '[1,2,4]', '[0,2,3]']) {
    expect(await post('elements', other, key), other).toMatchObject({ status: 409, code: 'idempotency_conflict' });
  }
  expect(await countOf('elements')).toBe(before);
});

test('repeats that come at once make the runs once', async () => {
  const key = uniqueName('key');
  const before = (await countOf('elements')) ?? 0;
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('elements', '[1,2,3]', key)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ status: 200 });
  expect(await countOf('elements')).toBe(before + 3);
});

test('when one run cannot be stored, none is', async () => {
  const key = uniqueName('key');
  expect((await post('elements', '{"other":1}', `${key}#2/3`)).status).toBe(200);
  const before = await countOf('elements');
  expect(await post('elements', '[1,2,3]', key)).toMatchObject({ status: 409, code: 'idempotency_conflict' });
  expect(await post('lines', '{"a":1}\n{"a":\n{"a":3}')).toMatchObject({ status: 400, code: 'invalid_json' });
  expect(await post('elements', `[${Array(1001).fill('0').join(',')}]`)).toMatchObject({ status: 413, code: 'payload_too_large' });
  expect(await countOf('elements')).toBe(before);
});

test('an empty array is answered and stores nothing; a thousand elements are stored', async () => {
  const before = (await countOf('elements')) ?? 0;
  expect(await post('elements', '[]')).not.toHaveProperty('id');
  expect(await countOf('elements')).toBe(before);
  expect((await post('elements', `[${Array(1000).fill('{"a":1}').join(',')}]`)).ids).toHaveLength(1000);
  expect(await countOf('elements')).toBe(before + 1000);
});
