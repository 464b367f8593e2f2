import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { edgeCases, edgeHooks } from '../test/support/edge-cases.ts';
import { rawCases } from '../test/support/edge-raw.ts';
import { hosts } from '../test/support/odd-paths.ts';
import { sendRaw } from '../test/support/raw-http.ts';
import { stubbed } from '../test/support/stubbed-ingest.ts';
import { createApp } from './app.ts';
import { createAccessControl } from './access-control.ts';
import { createIngestServer } from './server.ts';
import type { RunEvent } from './webhook.ts';
import { loadZaps } from './zaps.ts';

// What senders really send, over HTTP to ingest's own server: the answer, and what is recorded of it.

const SECRET = 'a-secret-that-is-long-enough';
const folder = mkdtempSync(join(tmpdir(), 'edge-'));
let all: readonly RunEvent[] = [];
let before = 0;
/** By the test that runs, followers too. */
const recorded = () => all.slice(before).flatMap((event) => [event, ...(event.followers ?? [])]);
let port = 0;
let stop: () => Promise<void>;

beforeAll(async () => {
  const file = join(folder, 'zaps.json');
  writeFileSync(file, JSON.stringify({ zaps: edgeHooks.map((hook) => ({ userId: 'u', ...hook })) }));
  const zaps = loadZaps(file, { SECRET, VERIFY: 'mine' });
  const { dependencies, recorded: events, budget } = stubbed({ access: createAccessControl(() => zaps, { take: () => undefined }) });
  all = events;
  const observe = { ...dependencies.observe, closed: () => undefined };
  const app = createApp(dependencies);
  const limits = { MAX_CONNECTIONS: 100, ANSWER_TIMEOUT_MS: 3000, HEADERS_TIMEOUT_MS: 2000, REQUEST_TIMEOUT_MS: 5000 };
  const made = createIngestServer(app.fetch, { ...limits, KEEP_ALIVE_TIMEOUT_MS: 10_000, MAX_HEADER_BYTES: 16_384 }, observe, budget);
  made.server.listen(0, '127.0.0.1');
  await once(made.server, 'listening');
  port = (made.server.address() as AddressInfo).port;
  stop = () => {
    made.server.closeAllConnections();
    return made.stop();
  };
});
beforeEach(() => {
  before = all.length;
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

describe('as senders send it:', () => {
  test.each(edgeCases(SECRET).map((one) => [one.what, one] as const))('%s', async (_what, one) => {
    const { zap, method = 'POST', query = '', headers = {}, body, answer = {}, stored = [] } = one;
    const response = await fetch(`http://127.0.0.1:${port}/hooks/catch/u/${zap}${query}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? Buffer.from(body, 'latin1') : body }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(answer.status ?? 200);
    if (answer.text !== undefined) expect(text).toBe(answer.text);
    for (const [name, value] of Object.entries(answer.headers ?? {})) expect(response.headers.get(name), name).toBe(value);
    expect(recorded().map(({ metadata }) => metadata)).toEqual([stored].flat());
  });
});

describe('byte by byte:', () => {
  test.each(rawCases.map((one) => [one.what, one] as const))('%s', async (_what, { bytes, status, stored, says }) => {
    const answer = await sendRaw(port, [Buffer.from(bytes, 'latin1')], /\r\n\r\n[^]*\}$/);
    const final = answer.text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
    expect({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(final)?.[1]), reset: answer.reset }, answer.text).toEqual({ status, reset: false });
    if (says !== undefined) expect(final).toMatch(says);
    expect(recorded().map(({ metadata }) => metadata)).toEqual(stored === undefined ? [] : [stored]);
  });
});

describe('Host: what is legal is taken, what is none is refused:', () => {
  test.each(hosts.map((one) => [one.what, one] as const))('%s', async (_what, { bytes, expected }) => {
    const { status } = await sendRaw(port, [Buffer.from(bytes.replace('/u/z', '/u/open'), 'latin1')]);
    expect(status).toBe(expected === 'taken' ? 200 : 400);
  });
});

describe('Expect: 100-continue', () => {
  const head = (path: string, ...lines: string[]) =>
    [`POST /hooks/catch/u/${path} HTTP/1.1`, 'Host: x', 'Expect: 100-continue', ...lines, '', ''].join('\r\n');

  test.each([
    ['a body over the limit', head('open', 'Content-Length: 1000000000'), 413],
    ['a coding that is not supported', head('open', 'Content-Length: 10', 'Content-Encoding: compress'), 415],
    ['a packed body that is longer than its coding may be', head('open', 'Content-Length: 20000', 'Content-Encoding: br'), 413],
    ['a body whose length has 15 digits', head('open', `Content-Length: ${'9'.repeat(15)}`), 413],
    ['a hook that does not exist', head('nowhere', 'Content-Length: 10'), 404],
    ['another path', head('open/x', 'Content-Length: 10'), 404],
    ['a method that is not supported', head('open', 'Content-Length: 10').replace('POST', 'PROPFIND'), 405],
    ['a body over the limit, in other letters', head('open', 'Content-Length: 1000000000').replace('100-continue', '100-Continue'), 413],
    ['OPTIONS', head('open', 'Content-Length: 10').replace('POST', 'OPTIONS'), 405],
    ['two Host headers', head('open', 'Host: y', 'Content-Length: 10'), 400],
  ])('with %s is refused at once, without "100 Continue"', async (_what, bytes, status) => {
    const { text } = await sendRaw(port, [bytes]);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).not.toContain('100 Continue');
  });
});

test('a kept header is stored as UTF-8, and left out when it is not', async () => {
  for (const value of [Buffer.from('größe 🦊').toString('latin1'), 'gr\xf6\xdfe']) {
    const head = `POST /hooks/catch/u/open HTTP/1.1\r\nHost: x\r\nX-Event-Name: ${value}\r\nContent-Length: 2\r\n\r\n`;
    expect((await sendRaw(port, [Buffer.from(`${head}{}`, 'latin1')])).status).toBe(200);
  }
  expect(recorded().map(({ headers }) => headers)).toEqual([{ 'x-event-name': 'größe 🦊' }, {}]);
});
