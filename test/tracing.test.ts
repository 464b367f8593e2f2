import { randomBytes } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { actionService, actionTarget } from './support/action-service.ts';
import { lagOf } from './support/consumer.ts';
import { freePorts } from './support/free-ports.ts';
import { uniqueName } from './support/names.ts';
import { otlpReceiver, refusingReceiver, silentReceiver, type OtlpReceiver, type ReceivedSpan } from './support/otlp-receiver.ts';
import { startIngest } from './support/own-ingest.ts';
import { unknownNames } from './support/semantic-conventions.ts';
import { startConsumer } from './support/services.ts';
import { query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Each process of a test exports its spans to a receiver of the test.

vi.setConfig({ testTimeout: 120_000 });

/** Not the example of the standard: events of other tests have that one, and new groups read them too. */
const TRACE = randomBytes(16).toString('hex');
const SENDER = '00f067aa0ba902b7';
const settingsFor = (endpoint: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
});
const contextOf = ({ traceId, spanId }: ReceivedSpan) => `00-${traceId}-${spanId}-01`;

/** A POST to an ingest of a test's own. @returns the id of the run */
async function postTo(url: string, hook: string, traceparent?: string): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(traceparent !== undefined && { traceparent }) };
  const response = await fetch(`${url}/hooks/catch/${hook}?token=private`, { method: 'POST', headers, body: '{"a": "secret"}' });
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

const untilSpan = ({ spans }: OtlpReceiver, what: string, is: (span: ReceivedSpan) => boolean) =>
  waitFor(`the span of ${what} has arrived`, () => spans.find(is), 30_000);
const requestOf = (receiver: OtlpReceiver, id: string) =>
  untilSpan(receiver, 'the request', ({ kind, attributes }) => kind === 'server' && attributes['outbox.run_id'] === id);
const caughtUp = (groupId: string) => waitFor(`${groupId} has caught up`, async () => (await lagOf(groupId, EVENT_TOPIC)) === 0, 60_000);

describe('with a receiver', () => {
  test('a webhook is one trace from its sender to the answer of its target, at every attempt, also after a restart', async () => {
    const receiver = await otlpReceiver();
    const env = settingsFor(receiver.endpoint);
    const [user, zap, name] = [uniqueName('user'), uniqueName('zap'), uniqueName('target')];
    let status = 500;
    const target = await actionTarget((_arrived, response) => response.writeHead(status).end());
    const groupId = uniqueName('traced');
    const consumer = await startConsumer({ ...env, GROUP_ID: groupId });
    const ingest = await startIngest(env);
    try {
      const targets = { [name]: { zap: `${user}/*`, url: `${target.url}secret-path`, secrets: ['env:SECRET'], timeoutSeconds: 1 } };
      const actions = await actionService(targets, { ...env, RETRY_SCHEDULE: '8s' });
      await Promise.all([caughtUp(groupId), caughtUp(actions.groupId)]);
      const id = await postTo(ingest.url, `${user}/${zap}`, `00-${TRACE}-${SENDER}-01`);

      const request = await requestOf(receiver, id);
      expect(request).toMatchObject({
        service: 'ingest',
        name: 'POST /hooks/catch/{userId}/{zapId}',
        traceId: TRACE,
        parentSpanId: SENDER,
      });
      expect(request.attributes).toMatchObject({ 'http.response.status_code': 200, 'outbox.outcome': 'recorded' });
      const stored = await query('SELECT traceparent FROM zap_run WHERE id = $1', [id]);
      expect(stored).toEqual([{ traceparent: contextOf(request) }]);

      const processedBy = (service: string) =>
        untilSpan(
          receiver,
          service,
          (span) => span.service === service && span.kind === 'consumer' && span.parentSpanId === request.spanId,
        );
      const [typed, stores] = await Promise.all([processedBy('consumers-example'), processedBy('actions')]);
      for (const [span, group] of [
        [typed, groupId],
        [stores, actions.groupId],
      ] as const) {
        // prettier-ignore
        expect(span).toMatchObject({ name: `process ${EVENT_TOPIC}`, traceId: TRACE, links: [], status: { code: 0 } });
        expect(span.attributes).toMatchObject({
          ...{ 'messaging.system': 'kafka', 'messaging.operation.type': 'process', 'messaging.destination.name': EVENT_TOPIC },
          ...{ 'messaging.consumer.group.name': group, 'messaging.message.id': id, 'messaging.kafka.message.key': `${user}/${zap}` },
          ...{ 'messaging.kafka.offset': expect.any(Number) as number, 'messaging.destination.partition.id': expect.any(String) as string },
        });
      }

      // A stop sends what waits.
      await waitFor('the first call arrives', () => target.arrived[0]);
      await actions.stop();
      status = 204;
      await actions.start();
      await waitFor('the second call arrives', () => target.arrived[1]);
      const calls = await waitFor('the spans of both calls have arrived', () => {
        const found = receiver.spans.filter(({ kind, attributes }) => kind === 'client' && attributes['outbox.run_id'] === id);
        return found.length === 2 ? found : undefined;
      });
      expect(calls.map(({ name: method, traceId, parentSpanId }) => [method, traceId, parentSpanId])).toEqual([
        ['POST', TRACE, stores.spanId],
        ['POST', TRACE, stores.spanId],
      ]);
      expect(target.arrived.map(({ headers }) => headers.traceparent)).toEqual(calls.map(contextOf));
      const place = { 'server.address': '127.0.0.1', 'server.port': Number(new URL(target.url).port), 'outbox.target': name };
      expect(calls[0]).toMatchObject({
        status: { code: 2 },
        attributes: { ...place, 'http.response.status_code': 500, 'error.type': '500' },
      });
      expect(calls[1]).toMatchObject({
        status: { code: 0 },
        attributes: { ...place, 'http.response.status_code': 204, 'http.request.resend_count': 1 },
      });

      const all = receiver.spans.filter(({ traceId }) => traceId === TRACE);
      expect(all).toHaveLength(5);
      expect(all.flatMap(({ attributes }) => unknownNames(attributes))).toEqual([]);
      expect(all.flatMap(({ resource }) => unknownNames(resource))).toEqual([]);
      expect(JSON.stringify(all, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
        /secret|token|private/,
      );
      expect(receiver.faults).toEqual([]);
    } finally {
      await Promise.all([ingest.stop(), consumer.stop()]);
    }
  });

  test('a batch links to the traces of its events, and their calls continue these', async () => {
    const receiver = await otlpReceiver();
    const env = settingsFor(receiver.endpoint);
    const [user, zap] = [uniqueName('user'), uniqueName('zap')];
    const target = await actionTarget();
    const targets = { [uniqueName('target')]: { zap: `${user}/*`, url: target.url, secrets: ['env:SECRET'], timeoutSeconds: 1 } };
    const ingest = await startIngest(env);
    try {
      const actions = await actionService(targets, env);
      await caughtUp(actions.groupId);
      await actions.stop();
      const ids: string[] = [];
      for (let n = 0; n < 10; n += 1) ids.push(await postTo(ingest.url, `${user}/${zap}`));
      const requests = await Promise.all(ids.map((id) => requestOf(receiver, id)));
      // Ingest begins the trace, with the id of the run.
      expect(requests.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual(
        ids.map((id) => [id.replaceAll('-', ''), undefined]),
      );

      await waitFor('the events are on the topic', async () => (await lagOf(actions.groupId, EVENT_TOPIC)) >= ids.length);
      await actions.start();
      const calls = await waitFor('the spans of all calls have arrived', () => {
        const found = receiver.spans.filter(({ kind }) => kind === 'client');
        return found.length === ids.length ? found : undefined;
      });
      const linked = receiver.spans.filter(
        ({ kind, links }) => kind === 'consumer' && links.some(({ spanId }) => requests.some((one) => one.spanId === spanId)),
      );
      expect(linked.length).toBeGreaterThan(0);
      for (const batch of linked) expect(batch.attributes['messaging.batch.message_count']).toBe(batch.links.length);
      const inBatches = new Set(linked.flatMap(({ links }) => links.map(({ spanId }) => spanId)));
      for (const request of requests) {
        const call = calls.find(({ traceId }) => traceId === request.traceId);
        const alone = receiver.spans.find(({ kind, parentSpanId }) => kind === 'consumer' && parentSpanId === request.spanId);
        expect(call?.parentSpanId).toBe(inBatches.has(request.spanId) ? request.spanId : alone?.spanId);
      }
      expect(receiver.faults).toEqual([]);
    } finally {
      await ingest.stop();
    }
  });
});

describe('a receiver', () => {
  const closed = async () => `http://127.0.0.1:${(await freePorts(1))[0]}`;

  test.each([
    ['is away', closed],
    ['never answers', silentReceiver],
    ['refuses', () => refusingReceiver(503)],
  ])('that %s delays no webhook, and no stop beyond the time of one export', async (_what, start) => {
    const ingest = await startIngest(settingsFor(await start()));
    const tookMs: number[] = [];
    for (let n = 0; n < 200; n += 1) {
      const began = performance.now();
      await postTo(ingest.url, `${uniqueName('user')}/z`);
      tookMs.push(performance.now() - began);
    }
    await waitFor('the log says so', () => ingest.log().includes('"code":"TRACES_NOT_SENT"'));
    const stoppedAt = performance.now();
    await ingest.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(5000);
    expect(ingest.log()).toContain('"msg":"stopped"');
    expect(ingest.log()).not.toContain('STOP_TOOK_TOO_LONG');
    expect(tookMs.toSorted((a, b) => a - b)[100]).toBeLessThan(100);
    expect(Math.max(...tookMs)).toBeLessThan(1500);
  });
});

test('without tracing a target gets no traceparent, and the sender’s goes on to the topic', async () => {
  const [user, zap] = [uniqueName('user'), uniqueName('zap')];
  const target = await actionTarget();
  await actionService({ [uniqueName('target')]: { zap: `${user}/*`, url: target.url, secrets: ['env:SECRET'], timeoutSeconds: 1 } });
  const ingest = await startIngest();
  try {
    const id = await postTo(ingest.url, `${user}/${zap}`, `00-${TRACE}-${SENDER}-01`);
    const arrived = await waitFor('the call arrives', () => target.arrived[0]);
    expect(arrived.headers.traceparent).toBeUndefined();
    const stored = await query('SELECT traceparent FROM zap_run WHERE id = $1', [id]);
    expect(stored).toEqual([{ traceparent: `00-${TRACE}-${SENDER}-01` }]);
    expect(ingest.log()).not.toContain('traceparent');
  } finally {
    await ingest.stop();
  }
});
