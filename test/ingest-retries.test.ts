import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { query } from './support/stack.ts';

// A retry is answered like the first attempt, by the id that the sender gives its deliveries.

const userId = uniqueName('user');
const folder = mkdtempSync(join(tmpdir(), 'zaps-'));
let ingest: OwnIngest;
beforeAll(async () => {
  const path = join(folder, 'zaps.json');
  const zaps = [
    { userId, zapId: 'header', idempotency: { headers: ['svix-id'] } },
    { userId, zapId: 'json', idempotency: { json: 'data.id', onConflict: 'repeat' } },
    { userId, zapId: 'elements', split: true, idempotency: { json: '0.id', onConflict: 'repeat' } },
    { userId, zapId: 'default' },
  ];
  writeFileSync(path, JSON.stringify({ zaps }));
  ingest = await startIngest({ ZAPS_FILE: path, RATE_LIMIT_PER_ZAP: '1000' });
});
afterAll(async () => {
  await ingest.stop();
  rmSync(folder, { recursive: true });
});

async function post(zapId: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${ingest.url}/hooks/catch/${userId}/${zapId}`, { method: 'POST', body, headers });
  return { status: response.status, ...((await response.json()) as { id?: string; ids?: string[]; code?: string }) };
}
const runsOf = async (zapId: string) =>
  (
    await query<{ metadata: string }>('SELECT metadata::text AS metadata FROM zap_run WHERE user_id = $1 AND zap_id = $2 ORDER BY id', [
      userId,
      zapId,
    ])
  ).map(({ metadata }) => metadata);

test('by a header that the hook names', async () => {
  const first = await post('header', '{"e":1}', { 'svix-id': 'msg_A' });
  expect(await post('header', '{"e":1}', { 'svix-id': 'msg_A' })).toEqual(first);
  expect(await post('header', '{"e":2}', { 'svix-id': 'msg_A' })).toMatchObject({ status: 409, code: 'idempotency_conflict' });
  expect((await post('header', '{"e":1}', { 'svix-id': 'order 17 / line 2' })).status).toBe(200);
  expect(await runsOf('header')).toHaveLength(2);
});

test('by an id in the body, also when only a counter of attempts differs', async () => {
  const first = await post('json', '{"data":{"id":7},"attempt":1}');
  expect(await post('json', '{"data":{"id":7},"attempt":2}')).toEqual(first);
  expect((await post('json', '{"data":{"id":8},"attempt":1}')).id).not.toBe(first.id);
  expect(await runsOf('json')).toEqual(['{"data":{"id":7},"attempt":1}', '{"data":{"id":8},"attempt":1}']);
});

test('by an id in the first element of an array that makes several runs', async () => {
  const first = await post('elements', '[{"id":"a","attempt":1},{"n":1}]');
  expect((await post('elements', '[{"id":"a","attempt":2},{"n":1}]')).id).toBe(first.id);
  expect((await post('elements', '[{"id":"a","attempt":3},{"n":1},{"n":2}]')).id).toBe(first.id);
  expect(await runsOf('elements')).toHaveLength(2);
});

test('and not by the body of a hook that names no source of ids', async () => {
  const [first, second] = [await post('default', '{"id":1}', { 'svix-id': 'a' }), await post('default', '{"id":1}', { 'svix-id': 'a' })];
  expect(first.id).not.toBe(second.id);
});
