import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { tries, tryEnv, tryHooks } from './support/signature-tries.ts';
import { query } from './support/stack.ts';

const userId = uniqueName('user');
const folder = mkdtempSync(join(tmpdir(), 'tries-'));
const all = tries();
let own: OwnIngest;
beforeAll(async () => {
  const file = join(folder, 'zaps.json');
  writeFileSync(file, JSON.stringify({ zaps: tryHooks.map((hook) => ({ userId, ...hook })) }));
  own = await startIngest({ ZAPS_FILE: file, RATE_LIMIT_WRONG_SIGNATURES: '0', ...tryEnv });
}, 60_000);
afterAll(async () => {
  await own.stop();
  rmSync(folder, { recursive: true });
});

test('there are more than a hundred of them', () => expect(all.length).toBeGreaterThan(100));

test.each(all.map((one) => [one.what, one] as const))(
  '%s',
  async (_what, { zap, headers, body, query: given = '', method = 'POST', isGood }) => {
    const response = await fetch(`${own.url}/hooks/catch/${userId}/${zap}${given}`, {
      method,
      headers,
      ...(method === 'GET' ? {} : { body: body ?? '' }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(isGood ? 200 : 401);
    if (isGood) return;
    // It tells nothing of what was wrong.
    expect(JSON.parse(text)).toMatchObject({ code: 'unauthorized', message: 'The signature is missing, wrong or too old.' });
  },
);

test('only the good ones are recorded, and the log has lines of JSON without a secret', async () => {
  const runs = await query<{ zap_id: string }>('SELECT zap_id FROM zap_run WHERE user_id = $1 ORDER BY zap_id', [userId]);
  const good = all.filter(({ isGood }) => isGood).map(({ zap }) => zap);
  expect(runs.map(({ zap_id: zap }) => zap)).toEqual(good.sort());
  const lines = own
    .log()
    .split('\n')
    .filter((line) => line !== '');
  expect(lines.filter((line) => !line.startsWith('{"level":') || !line.endsWith('}'))).toEqual([]);
  for (const secret of [tryEnv.SECRET, tryEnv.OTHER, tryEnv.WHSEC]) expect(own.log()).not.toContain(secret);
});
