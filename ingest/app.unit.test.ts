import { describe, expect, test } from 'vitest';
import { stubbed } from '../test/support/stubbed-ingest.ts';
import { createApp, type Dependencies } from './app.ts';
import { faults, IngestError, type FaultCode } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MARKER = 'marker-that-nobody-may-see';
const HOOK = '/hooks/catch/u/z';

/** The app with stubs around it, what was recorded, and what was logged. */
function setUp(given: Partial<Dependencies> = {}) {
  const { dependencies, recorded, lines, budget } = stubbed({ bodyLimitBytes: 1000, maxEventBytes: 5000, ...given });
  const app = createApp(dependencies);
  const request = async (path: string, init?: RequestInit) => app.request(path, init);
  const post = (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
    headers: Record<string, string> = {},
    path = HOOK,
  ) => request(path, { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json', ...headers } });
  return { recorded, lines, request, post, budget };
}

async function expectFault(response: Response, code: FaultCode): Promise<void> {
  expect(response.status).toBe(faults[code].status);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const body = (await response.json()) as Record<string, unknown>;
  expect(Object.keys(body)).toEqual(['code', 'message', 'requestId']);
  expect(body).toMatchObject({ code, message: expect.stringMatching(/./) as string, requestId: expect.stringMatching(UUID) as string });
  expect(response.headers.get('retry-after')).toEqual(faults[code].retryable ? expect.stringMatching(/^\d+$/) : null);
}

/** A body without a length, as a chunked request has it. */
const chunked = (...chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });

function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<undefined>((done) => {
    resolve = () => {
      done(undefined);
    };
  });
  return {
    promise,
    resolve: () => {
      resolve();
    },
  };
}

describe('a webhook', () => {
  test('is answered with 200 and the id of its run', async () => {
    const { post, recorded } = setUp();
    const response = await post('{"a":1}');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ message: 'Webhook received', id: expect.stringMatching(UUID) as string });
    expect(recorded).toHaveLength(1);
  });

  test('is recorded with the exact text, its ids and the kept headers', async () => {
    const { post, recorded } = setUp({ keepHeaders: ['X-Mine'] });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { traceparent, 'x-mine': 'm', 'x-github-event': 'push', authorization: MARKER };
    const response = await post(' {"n":9007199254740993, "n":-0}', headers);
    const { id } = (await response.json()) as { id: string };
    expect(recorded[0]).toMatchObject({
      id,
      userId: 'u',
      zapId: 'z',
      metadata: ' {"n":9007199254740993, "n":-0}',
      schemaId: 7,
      traceparent,
    });
    expect(recorded[0]?.headers).toEqual({ 'content-type': 'application/json', 'x-github-event': 'push', 'x-mine': 'm' });
    expect(recorded[0]?.payload.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, 7]));
  });

  test('is not answered before it is recorded', async () => {
    const stored = deferred();
    const called = deferred();
    const order: string[] = [];
    const { post } = setUp({
      recordEvent: async ({ id }) => {
        called.resolve();
        await stored.promise;
        order.push('recorded');
        return { id, repeated: false };
      },
    });
    const answer = post('{}').then(() => order.push('answered'));
    await called.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    stored.resolve();
    await answer;
    expect(order).toEqual(['recorded', 'answered']);
  });

  test('without a body is recorded as null', async () => {
    const { request, recorded } = setUp();
    expect((await request(HOOK, { method: 'POST' })).status).toBe(200);
    expect(recorded[0]?.metadata).toBe('null');
  });

  test('that arrives in chunks is recorded whole', async () => {
    const { post, recorded } = setUp();
    expect((await post(chunked('{"a":', '"🦊"}'), {})).status).toBe(200);
    expect(recorded[0]?.metadata).toBe('{"a":"🦊"}');
  });
});

describe('a refused webhook', () => {
  test.each([
    ['is not JSON', '{', {}, 'invalid_json'],
    ['is not text', new Uint8Array([0xff]), { 'content-type': 'image/png' }, 'unsupported_media_type'],
    ['is a broken form', 'a=%ff', { 'content-type': 'application/x-www-form-urlencoded' }, 'invalid_form'],
    ['has a bad key', '{}', { 'idempotency-key': 'a b' }, 'invalid_idempotency_key'],
    ['is labelled as compressed and is not', '{}', { 'content-encoding': 'gzip' }, 'invalid_encoding'],
    ['is compressed in a way that is not supported', '{}', { 'content-encoding': 'compress' }, 'unsupported_media_type'],
    ['announces too large a body', '{}', { 'content-length': '1001' }, 'payload_too_large'],
  ] as const)('that %s gets its code and is not recorded', async (_what, body, headers, code) => {
    const { post, recorded } = setUp();
    await expectFault(await post(body, headers), code);
    expect(recorded).toEqual([]);
  });

  test('that is too large in chunks gets 413 and is not recorded', async () => {
    const { post, recorded, lines } = setUp();
    await expectFault(await post(chunked('"', 'x'.repeat(600), 'x'.repeat(600), '"')), 'payload_too_large');
    expect(recorded).toEqual([]);
    expect(lines).toMatchObject([{ status: 413, outcome: 'payload_too_large' }]);
  });

  test('may have as many bytes as the limit says, and not one more', async () => {
    const { post } = setUp();
    expect((await post(chunked(`"${'x'.repeat(998)}"`))).status).toBe(200);
    await expectFault(await post(chunked(`"${'x'.repeat(999)}"`)), 'payload_too_large');
  });

  test('whose event would be too large gets 413 and is not recorded', async () => {
    const { post, recorded } = setUp({ maxEventBytes: 300 });
    expect((await post(JSON.stringify('x'.repeat(100)))).status).toBe(200);
    await expectFault(await post(JSON.stringify('x'.repeat(300))), 'payload_too_large');
    expect(recorded).toHaveLength(1);
  });

  test.each(['overloaded', 'database_unavailable', 'write_refused'] as const)('that cannot be stored now gets %s', async (code) => {
    const { post } = setUp({ recordEvent: () => Promise.reject(new IngestError(code, 'Try again.', new Error(MARKER))) });
    const response = await post('{}');
    expect(await response.clone().text()).not.toContain(MARKER);
    await expectFault(response, code);
  });

  test('that fails inside ingest gets 500 without the details', async () => {
    const { post, lines } = setUp({ recordEvent: () => Promise.reject(new Error(MARKER)) });
    const response = await post('{}');
    expect(await response.clone().text()).not.toContain(MARKER);
    await expectFault(response, 'internal');
    expect(lines).toMatchObject([{ outcome: 'internal', cause: MARKER }]);
  });

  test('that comes before the schema is registered gets 503 with Retry-After', async () => {
    const { post, recorded } = setUp({ eventSchema: () => undefined });
    await expectFault(await post('{}'), 'schema_unknown');
    expect(recorded).toEqual([]);
  });
});

describe('a path', () => {
  test.each([
    '/hooks/catch/a%2Fb/z',
    '/hooks/catch/u/a%00',
    '/hooks/catch/u/%2e%2e',
    '/hooks/catch/u/..',
    '/hooks/catch/u/a%20b',
    '/hooks/catch/u/%EF%BC%91',
    '/hooks/catch/u/%F0%9F%A6%8A',
    '/hooks/catch/u/%E0%A4%A',
    '/hooks/catch/u/a%252Fb',
    `/hooks/catch/u/${'a'.repeat(65)}`,
    '/hooks/catch/u',
    '/hooks/catch/u/z/more',
    '/hooks/catch//z',
    '/hooks/catch/u/z//',
    '/hooks/catch/u/z%0A',
    '/',
  ])('%s is not found and nothing is recorded', async (path) => {
    const { post, recorded } = setUp();
    await expectFault(await post('{}', {}, path), 'not_found');
    expect(recorded).toEqual([]);
  });

  test('with one slash at its end is the same', async () => {
    const { post, recorded } = setUp();
    expect((await post('{}', {}, `${HOOK}/`)).status).toBe(200);
    expect(recorded).toMatchObject([{ userId: 'u', zapId: 'z' }]);
  });

  test('is checked before the content type and the body', async () => {
    const { post } = setUp();
    await expectFault(await post('{', { 'content-type': 'text/plain' }, '/hooks/catch/u/a%2Fb'), 'not_found');
  });
});

describe('a method', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s records its body', async (method) => {
    const { request, recorded } = setUp();
    expect((await request(HOOK, { method, body: '{"a":1}' })).status).toBe(200);
    expect(recorded).toMatchObject([{ metadata: '{"a":1}' }]);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])('%s without a body records its query', async (method) => {
    const { request, recorded } = setUp();
    expect((await request(`${HOOK}?event=door_open&battery=71`, { method })).status).toBe(200);
    expect(recorded).toMatchObject([{ metadata: '{"event":"door_open","battery":"71"}' }]);
  });

  test('with a body leaves the query alone', async () => {
    const { post, recorded } = setUp();
    await post('{}', {}, `${HOOK}?a=1`);
    expect(recorded).toMatchObject([{ metadata: '{}' }]);
  });

  test.each([
    ['GET', HOOK],
    ['GET', `${HOOK}?`],
    ['HEAD', HOOK],
    ['HEAD', `${HOOK}?a=1`],
  ])('%s of %s is answered with 200 and records nothing', async (method, path) => {
    const { request, recorded, lines } = setUp();
    const response = await request(path, { method });
    expect([response.status, (await response.text()).includes('"id"')]).toEqual([200, false]);
    expect(recorded).toEqual([]);
    expect(lines).toMatchObject([{ method, status: 200, outcome: 'ok' }]);
  });

  test.each(['OPTIONS', 'PROPFIND'])('%s gets 405 with Allow and records nothing', async (method) => {
    const { request, recorded } = setUp();
    const response = await request(HOOK, { method });
    expect(response.headers.get('allow')).toBe('POST, PUT, PATCH, DELETE, GET, HEAD');
    await expectFault(response, 'method_not_allowed');
    expect(recorded).toEqual([]);
  });

  test('at a path with bad ids is not found', async () => {
    await expectFault(await setUp().request('/hooks/catch/u/a%2Fb', { method: 'OPTIONS' }), 'not_found');
  });
});

describe('the log', () => {
  const query = `?token=${MARKER}`;
  const body = JSON.stringify({ text: MARKER });
  const headers = { authorization: `Bearer ${MARKER}`, cookie: MARKER, 'x-github-event': MARKER };

  test.each([
    ['is recorded', HOOK, body, 200],
    ['is not JSON', HOOK, `{${MARKER}`, 400],
    ['is too large', HOOK, `"${MARKER.repeat(100)}"`, 413],
    ['has bad ids', '/hooks/catch/u/a%2Fb', body, 404],
    ['goes nowhere', '/nowhere', body, 404],
  ])('has one line without body, query and headers for a request that %s', async (_what, path, sent, status) => {
    const { post, lines } = setUp();
    expect((await post(sent, headers, path + query)).status).toBe(status);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ method: 'POST', status, requestId: expect.stringMatching(UUID) as string });
    expect(lines[0]?.durationMs).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(lines)).not.toContain(MARKER);
  });

  test('names the hook, the run and the size of what was recorded', async () => {
    const { post, lines } = setUp();
    const { id } = (await (await post('{}')).json()) as { id: string };
    expect(lines).toMatchObject([{ userId: 'u', zapId: 'z', id, bytes: expect.any(Number) as number }]);
  });

  test('carries the request id that the sender got, the code and the cause', async () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const { post, lines } = setUp({ recordEvent: () => Promise.reject(new IngestError('database_unavailable', 'Try again.', cause)) });
    const { requestId } = (await (await post('{}')).json()) as { requestId: string };
    expect(lines).toMatchObject([{ requestId, outcome: 'database_unavailable', status: 503, cause: 'ECONNREFUSED refused' }]);
  });
});

describe('the probes', () => {
  test('livez asks nobody', async () => {
    const { request } = setUp({ eventSchema: () => undefined, tryWrite: () => Promise.reject(new Error('down')) });
    expect((await request('/livez')).status).toBe(200);
  });

  test('readyz is 200 with a schema and a database', async () => {
    const response = await setUp().request('/readyz');
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  test('readyz is 503 without the schema', async () => {
    await expectFault(await setUp({ eventSchema: () => undefined }).request('/readyz'), 'schema_unknown');
  });

  test('readyz is 503 without the database', async () => {
    const { request } = setUp({ tryWrite: () => Promise.reject(new Error('down')) });
    await expectFault(await request('/readyz'), 'database_unavailable');
  });
});
