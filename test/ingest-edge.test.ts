import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { startIngest, type OwnIngest } from './support/own-ingest.ts';
import { sendRaw } from './support/raw-http.ts';
import { query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// What a sender may send that no client library would, byte by byte.

const LIMIT = 10_000;
let own: OwnIngest;
beforeAll(async () => {
  own = await startIngest({ HEADERS_TIMEOUT_MS: '500', REQUEST_TIMEOUT_MS: '1500', BODY_LIMIT_BYTES: String(LIMIT) });
}, 60_000);
afterAll(() => own.stop());

const userId = uniqueName('user');
const hook = `/hooks/catch/${userId}/z`;
const head = (...lines: string[]) =>
  `${['POST ' + hook + ' HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines].join('\r\n')}\r\n\r\n`;
const runs = async (user = userId) =>
  query<{ metadata: string }>('SELECT metadata::text FROM zap_run WHERE user_id = $1 ORDER BY id', [user]);

/** The lines that `act` left in the log, between those of two requests that are known. */
async function linesOf<T>(act: () => Promise<T>): Promise<{ result: T; lines: Record<string, unknown>[] }> {
  const mark = async () => {
    const response = await fetch(`${own.url}/mark`);
    const { requestId } = (await response.json()) as { requestId: string };
    await waitFor('the mark is in the log', () => new RegExp(`${requestId}.*\n`).test(own.log()));
    return requestId;
  };
  const before = await mark();
  const result = await act();
  const after = await mark();
  const [, between = ''] = own.log().split(new RegExp(`[^\n]*(?:${before}|${after})[^\n]*\n`));
  const lines = between.split('\n').filter((line) => line !== '');
  return { result, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('a request that is refused is answered once, in JSON, and logged once, also below the routes:', () => {
  const big = 'x'.repeat(LIMIT);
  test.each<[string, number, string, (string | Buffer)[]]>([
    ['no request line', 400, 'bad_request', ['hello\r\n\r\n']],
    ['a bad method', 400, 'bad_request', ['P\0ST / HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['a bad header', 400, 'bad_request', [head('bad header: x', 'Content-Length: 2'), '{}']],
    ['a header with NUL', 400, 'bad_request', [head('a: x\0y', 'Content-Length: 2'), '{}']],
    ['no Host', 400, 'bad_request', [`POST ${hook} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`]],
    ['an empty Host', 400, 'bad_request', [`POST ${hook} HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n{}`]],
    ['an odd Host', 400, 'bad_request', [`POST ${hook} HTTP/1.1\r\nHost: a/b c\r\nContent-Length: 2\r\n\r\n{}`]],
    ['a backslash in its path', 400, 'bad_request', [`POST ${hook}\\a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`]],
    ['two lengths', 400, 'bad_request', [head('Content-Length: 2', 'Content-Length: 3'), '{}']],
    ['an invalid length', 400, 'bad_request', [head('Content-Length: 2x'), '{}']],
    ['a negative length', 400, 'bad_request', [head('Content-Length: -2'), '{}']],
    ['a length and chunks', 400, 'bad_request', [head('Content-Length: 2', 'Transfer-Encoding: chunked'), '2\r\n{}\r\n0\r\n\r\n']],
    ['a broken chunk', 400, 'bad_request', [head('Transfer-Encoding: chunked'), '2\r\n{}\r\n', 'zz\r\n']],
    ['headers of 17 KB', 431, 'headers_too_large', [head(`a: ${'x'.repeat(17_000)}`, 'Content-Length: 2'), '{}']],
    ['a path of 17 KB', 431, 'headers_too_large', [`POST ${hook}${'x'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`]],
    ['headers that do not end', 408, 'request_timeout', [`POST ${hook} HTTP/1.1\r\nHost: x\r\n`]],
    ['a body that does not end', 408, 'request_timeout', [head('Content-Length: 3'), '{}']],
    ['chunks that do not end', 408, 'request_timeout', [head('Transfer-Encoding: chunked'), '2\r\n{}\r\n']],
    ['an unknown Expect', 417, 'expectation_failed', [head('Expect: a-miracle', 'Content-Length: 2'), '{}']],
    ['CONNECT', 405, 'method_not_allowed', ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n']],
    ['OPTIONS *', 400, 'bad_request', ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['another path', 404, 'not_found', ['POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}']],
    ['a repeated slash', 404, 'not_found', [`POST /${hook} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`]],
    ['a body one byte over the limit', 413, 'payload_too_large', [head(`Content-Length: ${LIMIT + 1}`), big, 'x']],
    [
      'chunks one byte over the limit',
      413,
      'payload_too_large',
      [head('Transfer-Encoding: chunked'), `${(LIMIT + 1).toString(16)}\r\n${big}x\r\n0\r\n\r\n`],
    ],
    ['a length of 1 GB', 413, 'payload_too_large', [head('Content-Length: 1000000000'), big]],
    ['one key twice', 400, 'invalid_idempotency_key', [head('Idempotency-Key: a', 'Idempotency-Key: a', 'Content-Length: 2'), '{}']],
  ])('%s', async (_what, status, code, pieces) => {
    const { result: answer, lines } = await linesOf(() => sendRaw(own.port, pieces));
    expect({ status: answer.status, reset: answer.reset }).toEqual({ status, reset: false });
    expect(answer.headers).toMatch(/content-type: application\/json/i);
    const body = JSON.parse(answer.body) as Record<string, string>;
    expect(Object.keys(body)).toEqual(['code', 'message', 'requestId']);
    expect(body).toMatchObject({ code, requestId: expect.stringMatching(UUID) as string });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ requestId: body.requestId, status, outcome: code, durationMs: expect.any(Number) as number });
    expect(await runs()).toEqual([]);
  });
});

describe('a request that is odd but right is recorded:', () => {
  test.each<[string, (user: string) => (string | Buffer)[]]>([
    ['HTTP/1.0 without Host', (user) => [`POST /hooks/catch/${user}/z HTTP/1.0\r\nContent-Length: 2\r\n\r\n`, '{}']],
    ['an absolute URI', (user) => [`POST http://x/hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`, '{}']],
    [
      'Expect: 100-continue',
      (user) => [`POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`, '{}'],
    ],
    [
      'chunks with extensions and a trailer',
      (user) => [
        `POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`,
        '1;a=b\r\n{\r\n1\r\n}\r\n0\r\nT: x\r\n\r\n',
      ],
    ],
    ['a body byte by byte', (user) => [`POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`, '{', '}']],
    [
      'a hundred headers',
      (user) => [
        `POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 100 }, (_, n) => `h${n}: x\r\n`).join('')}Content-Length: 2\r\n\r\n`,
        '{}',
      ],
    ],
    [
      'headers of 15 KB',
      (user) => [`POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\na: ${'x'.repeat(15_000)}\r\nContent-Length: 2\r\n\r\n`, '{}'],
    ],
    [
      'a query, which is not kept',
      (user) => [`POST /hooks/catch/${user}/z?secret=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`, '{}'],
    ],
    ['PUT', (user) => [`PUT /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`, '{}']],
  ])('%s', async (_what, pieces) => {
    const user = uniqueName('user');
    const answer = await sendRaw(own.port, pieces(user), /Webhook received.*\}$/);
    expect(answer.text).toMatch(/^HTTP\/1\.1 (100 Continue\r\n\r\nHTTP\/1\.1 )?200 OK/);
    expect(await runs(user)).toEqual([{ metadata: '{}' }]);
  });

  test('two requests in one packet, answered in their order', async () => {
    const user = uniqueName('user');
    const head = `POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
    const one = (body: string) => `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    const { text } = await sendRaw(own.port, [one('{"n":1}') + one('{"n":')], /Webhook received[^]*invalid_json[^]*\}$/);
    expect(text.indexOf('200 OK')).toBeLessThan(text.indexOf('400 Bad Request'));
    expect(await runs(user)).toEqual([{ metadata: '{"n":1}' }]);
  });

  test('one that is followed by nonsense still gets its own answer', async () => {
    const user = uniqueName('user');
    const { text } = await sendRaw(
      own.port,
      [`POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}nonsense\r\n\r\n`],
      /\}$/,
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await runs(user)).toHaveLength(1);
  });
});

describe('a body beyond the limit', () => {
  test('of 100 MB in chunks is answered 413, is not reset, and costs no memory', { timeout: 60_000 }, async () => {
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
    const pieces = [
      Buffer.from(head('Transfer-Encoding: chunked')),
      ...Array.from({ length: 1600 }, () => chunk),
      Buffer.from('0\r\n\r\n'),
    ];
    const answer = await sendRaw(own.port, pieces);
    expect({ status: answer.status, reset: answer.reset }).toEqual({ status: 413, reset: false });
  });

  test('on a connection that is to be closed is answered before it is closed', async () => {
    const answer = await sendRaw(own.port, [head('Connection: close', 'Content-Length: 5000000'), 'x'.repeat(5_000_000)]);
    expect({ status: answer.status, reset: answer.reset }).toEqual({ status: 413, reset: false });
  });

  test('leaves the connection usable', async () => {
    const user = uniqueName('user');
    const next = `POST /hooks/catch/${user}/z HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`;
    const { text } = await sendRaw(
      own.port,
      [head('Content-Length: 50000'), 'x'.repeat(50_000), next],
      /payload_too_large[^]*Webhook received/,
    );
    expect(text).toMatch(/413[^]*200 OK/);
  });
});

test.each([
  ['ends its side', 'bad_request', (socket: Socket) => socket.end()],
  ['resets the connection', 'sender_gone', (socket: Socket) => socket.resetAndDestroy()],
])('a sender that %s in the middle of its body stores nothing, and is one line in the log', async (_what, outcome, leave) => {
  const { lines } = await linesOf(async () => {
    const socket = connect(own.port, '127.0.0.1');
    socket.write(`${head('Content-Length: 10')}{"a":`);
    await query('SELECT pg_sleep(0.3)');
    leave(socket);
    await query('SELECT pg_sleep(0.3)');
    socket.destroy();
  });
  expect(lines).toMatchObject([{ outcome, userId }]);
  expect(await runs()).toEqual([]);
});
