import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { runIngest, startIngest, type OwnIngest } from './support/own-ingest.ts';
import { query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

const SECRET = 'a-secret-that-nobody-may-see';
const userId = uniqueName('user');
const folder = mkdtempSync(join(tmpdir(), 'zaps-'));
const path = join(folder, 'zaps.json');
const github = { scheme: 'github', secrets: [{ env: 'GITHUB_SECRET' }] };
const write = (zaps: object[]) => writeFileSync(path, JSON.stringify({ zaps }));

let ingest: OwnIngest;
beforeAll(async () => {
  write([
    { userId, zapId: 'open' },
    { userId, zapId: 'signed', signature: github },
  ]);
  ingest = await startIngest({ ZAPS_FILE: path, GITHUB_SECRET: SECRET, RATE_LIMIT_PER_ZAP: '5', RATE_LIMIT_BURST_SECONDS: '2' });
});
afterAll(async () => {
  await ingest.stop();
  rmSync(folder, { recursive: true });
});

const post = (hook: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${ingest.url}/hooks/catch/${hook}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const sign = (body: string) => ({ 'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}` });
const runsOf = async (zapId: string) =>
  (
    await query<{ metadata: string }>('SELECT metadata::text AS metadata FROM zap_run WHERE user_id = $1 AND zap_id = $2', [userId, zapId])
  ).map(({ metadata }) => metadata);

test('an unlisted zap gets the same answer as invalid ids', async () => {
  const answers = await Promise.all(
    [`${userId}/other`, `other/open`, `${userId}/bad%20id`, `a%2Fb/open`].map(async (hook) => {
      const response = await post(hook, '{}');
      const { code, message } = (await response.json()) as Record<string, unknown>;
      const headers = [...response.headers].filter(([name]) => name !== 'date').sort();
      return { status: response.status, headers, code, message };
    }),
  );
  expect(answers[0]?.status).toBe(404);
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test('a signed zap accepts signed requests of any type, and nothing else', async () => {
  const json = '{"a": "𝔘"}';
  expect((await post(`${userId}/signed`, json, sign(json))).status).toBe(200);
  const form = 'a=%F0%9F%A6%84&b=+';
  expect((await post(`${userId}/signed`, form, { ...sign(form), 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(200);
  for (const headers of [{}, sign('other'), { ...sign(json), 'x-hub-signature-256': SECRET }]) {
    const refused = await post(`${userId}/signed`, json, headers);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([401, 'unauthorized']);
  }
  const query = 'n=1&n=2';
  const get = (headers: Record<string, string>) => fetch(`${ingest.url}/hooks/catch/${userId}/signed?${query}`, { headers });
  expect([(await get({})).status, (await get(sign(query))).status]).toEqual([401, 200]);
  expect(new Set(await runsOf('signed'))).toEqual(new Set([json, '{"a":"🦄","b":" "}', '{"n":["1","2"]}']));
});

test('zaps.json is reloaded when it changes, and a faulty one changes nothing', { timeout: 30_000 }, async () => {
  const status = async (zapId: string) => (await post(`${userId}/${zapId}`, '{}')).status;
  expect(await status('late')).toBe(404);
  writeFileSync(path, '{"zaps": [');
  await waitFor('the fault is logged', () => ingest.log().includes('is not valid JSON'));
  expect(await status('signed')).toBe(401);
  write([
    { userId, zapId: 'late' },
    { userId, zapId: 'open' },
    { userId, zapId: 'signed', signature: github },
  ]);
  await waitFor('the new zap is accepted', async () => (await status('late')) === 200);
});

test('beyond the rate limit a zap gets 429 with Retry-After, and repeats of a known key do not count', async () => {
  const key = { 'idempotency-key': uniqueName('key') };
  const first = (await (await post(`${userId}/open`, '{}', key)).json()) as { id: string };
  const repeat = async () => (await post(`${userId}/open`, '{}', key)).json() as Promise<{ id: string }>;
  for (let n = 0; n < 20; n += 1) expect((await repeat()).id).toBe(first.id);

  const answers = await Promise.all(Array.from({ length: 40 }, () => post(`${userId}/open`, '{}')));
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(9);
  expect(refused.length).toBeGreaterThan(10);
  for (const response of refused) {
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(((await response.json()) as { code: string }).code).toBe('rate_limited');
  }
  // A repeat is still accepted, and another zap has its own limit.
  expect((await repeat()).id).toBe(first.id);
  expect((await post(`${userId}/signed`, '{}', sign('{}'))).status).toBe(200);
});

test('without the secrets that zaps.json names ingest does not start, and reports what is missing', async () => {
  const other = join(folder, 'other.json');
  const zaps = [
    { userId, zapId: 'a', signature: github },
    { userId, zapId: 'b', signature: { scheme: 'slack', secrets: [{ file: join(folder, 'nowhere') }] } },
  ];
  writeFileSync(other, JSON.stringify({ zaps }));
  const { code, output } = await runIngest({ ZAPS_FILE: other, GITHUB_SECRET: '' });
  expect(code).toBe(2);
  expect(output).toMatch(/env:GITHUB_SECRET is empty/);
  expect(output).toMatch(/nowhere cannot be read: ENOENT/);
});

test('no secret and no signature is ever logged', async () => {
  await post(`${userId}/signed`, SECRET, { 'x-hub-signature-256': `sha256=${SECRET}`, authorization: SECRET });
  await waitFor('the refusals are logged', () => ingest.log().includes('"outcome":"unauthorized"'));
  expect(ingest.log()).not.toContain(SECRET);
  expect(ingest.log()).not.toMatch(/sha256=/);
});
