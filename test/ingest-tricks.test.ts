import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tricks, type Trick } from './support/framing-tricks.ts';
import { hosts, paths } from './support/odd-paths.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { sendRaw } from './support/raw-http.ts';
import { query } from './support/stack.ts';

// Each request is sent as it stands; where its connection stays open, an ordinary one must be answered after it.

const NEXT = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
let own: OwnIngest;
beforeAll(async () => {
  own = await startIngest({ HEADERS_TIMEOUT_MS: '2000', REQUEST_TIMEOUT_MS: '2000' });
});
afterAll(() => own.stop());

const count = async () => (await query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run'))[0]?.n ?? NaN;

async function hold({ bytes, expected }: Trick): Promise<void> {
  const before = await count();
  const { text, reset } = await sendRaw(own.port, [Buffer.from(bytes + NEXT, 'latin1')], /\{"status":"ok"\}$/);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  const status = expected === 'refused' ? 400 : expected === 'taken' ? 200 : expected;
  expect({ first: statuses[0], reset }).toEqual({ first: status, reset: false });
  // Closed after it, or the next one was understood.
  expect(statuses.slice(1)).toEqual(/connection: close/i.test(text) ? [] : [200]);
  if (expected === 'refused') expect(text).toMatch(/connection: close/i);
  if (status !== 200) expect(text).toMatch(/\{"code":"[a-z_]+","message":/);
  expect((await count()) - before).toBe(expected === 'taken' ? 1 : 0);
}

describe('framing: the request is refused and its connection closed, or it is taken once, with', () => {
  test.each(tricks.map((trick) => [trick.what, trick] as const))('%s', (_what, trick) => hold(trick));
});

describe('path: it names one hook to every reader, or none:', () => {
  test.each(paths.map((trick) => [trick.what, trick] as const))('%s', (_what, trick) => hold(trick));
});

describe('Host: what is legal is taken, what is none is refused:', () => {
  test.each(hosts.map((trick) => [trick.what, trick] as const))('%s', (_what, trick) => hold(trick));
});

test('none of them made ingest write anything but lines of JSON', () => {
  const lines = own
    .log()
    .split('\n')
    .filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(tricks.length + paths.length + hosts.length);
  expect(lines.filter((line) => !line.startsWith('{"level":') || !line.endsWith('}'))).toEqual([]);
});
