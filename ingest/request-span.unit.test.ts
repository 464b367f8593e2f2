import { describe, expect, test } from 'vitest';
import type { SpanStart, Tracing } from '../kit/tracing.ts';
import { stubbed } from '../test/support/stubbed-ingest.ts';
import { createApp, type Dependencies } from './app.ts';

const HOOK = '/hooks/catch/u/z';
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const OWN = PARENT.replace('00f067aa0ba902b7', '1111111111111111');

/** The app with tracing that keeps the spans. */
function setUp(given: Partial<Dependencies> = {}) {
  const spans: (SpanStart & { ended?: object; errorType?: string | undefined })[] = [];
  const tracing: Tracing = {
    start: (span) => {
      const kept: (typeof spans)[number] = { ...span };
      spans.push(kept);
      return { traceparent: OWN, end: (ended, errorType) => Object.assign(kept, { ended, errorType }) };
    },
    stop: () => Promise.resolve(),
  };
  const { dependencies, recorded, lines } = stubbed({ tracing, ...given });
  const app = createApp(dependencies);
  return { recorded, lines, spans, request: async (path: string, init?: RequestInit) => app.request(path, init) };
}

describe('a request to a hook with tracing', () => {
  test('has one span that continues the sender’s, and the event and the log line carry its context', async () => {
    const { request, spans, recorded, lines } = setUp();
    await request(`${HOOK}?token=private`, { method: 'POST', body: '{}', headers: { traceparent: PARENT } });
    expect(spans).toEqual([
      {
        ...{ name: 'POST /hooks/catch/{userId}/{zapId}', kind: 'server', parent: PARENT, traceId: lines[0]?.requestId.replaceAll('-', '') },
        attributes: {
          ...{ 'http.request.method': 'POST', 'http.route': '/hooks/catch/{userId}/{zapId}', 'url.scheme': 'http', 'url.path': HOOK },
        },
        ended: {
          ...{ 'http.response.status_code': 200, 'outbox.outcome': 'recorded', 'outbox.run_id': recorded[0]?.id },
          'outbox.event.bytes': recorded[0]?.payload.length,
        },
        errorType: undefined,
      },
    ]);
    expect(recorded[0]?.traceparent).toBe(OWN);
    expect(lines[0]?.traceparent).toBe(OWN);
  });

  test('that is refused has a span too, and is an error when the fault is ours', async () => {
    const { request, spans } = setUp({ recordEvent: () => Promise.reject(new Error('broken')) });
    await request('/hooks/catch/u/not.valid', { method: 'POST', body: '{}' });
    await request(HOOK, { method: 'PROPFIND' });
    await request(HOOK, { method: 'POST', body: '{}' });
    expect(spans.map(({ name, ended, errorType }) => [name, ended, errorType])).toEqual([
      [
        'POST /hooks/catch/{userId}/{zapId}',
        expect.objectContaining({ 'http.response.status_code': 404, 'outbox.outcome': 'not_found' }),
        undefined,
      ],
      ['HTTP /hooks/catch/{userId}/{zapId}', expect.objectContaining({ 'http.response.status_code': 405 }), undefined],
      ['POST /hooks/catch/{userId}/{zapId}', expect.objectContaining({ 'http.response.status_code': 500 }), '500'],
    ]);
  });
});

test('other paths have no span', async () => {
  const { request, spans } = setUp();
  for (const path of ['/livez', '/readyz', '/openapi.json', '/nowhere']) await request(path);
  expect(spans).toEqual([]);
});
