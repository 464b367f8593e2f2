import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freePorts } from '../test/support/free-ports.ts';
import { otlpReceiver, refusingReceiver, silentReceiver, type OtlpReceiver } from '../test/support/otlp-receiver.ts';
import { startNode } from '../test/support/run-node.ts';
import { readSettings, SettingsError } from './settings.ts';
import { startTracing, tracingSettings, type Tracing } from './tracing.ts';

const schema = z.object(tracingSettings('a-service'));
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const UNSAMPLED = PARENT.replace(/01$/, '00');
const request = { name: 'a span', kind: 'server', attributes: {} } as const;

/** Tracing with a log that can be read. */
async function tracingTo(
  endpoint: string,
  env: Record<string, string> = {},
): Promise<Tracing & { lines: () => Record<string, unknown>[] }> {
  const lines: string[] = [];
  const config = readSettings(schema, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env });
  const tracing = await startTracing(config, pino({}, { write: (line) => lines.push(line) }));
  if (tracing === undefined) throw new Error('tracing is off');
  onTestFinished(() => tracing.stop());
  return { ...tracing, lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** @returns what arrived of the spans that `make` starts and ends */
async function received(make: (tracing: Tracing) => void, env: Record<string, string> = {}): Promise<OtlpReceiver> {
  const receiver = await otlpReceiver();
  const tracing = await tracingTo(receiver.endpoint, env);
  make(tracing);
  await tracing.stop();
  expect(receiver.faults).toEqual([]);
  return receiver;
}

describe('without an endpoint', () => {
  /** How many modules of OpenTelemetry's SDK a process has loaded after startTracing. */
  const loaded = async (endpoint: string) => {
    const program = `
      import { createRequire } from 'node:module';
      import { startTracing } from './kit/tracing.ts';
      const { Module } = createRequire(import.meta.url)('node:module');
      const config = { OTEL_EXPORTER_OTLP_ENDPOINT: ${endpoint}, OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: 1, OTEL_RESOURCE_ATTRIBUTES: [] };
      const tracing = await startTracing(config, { warn: () => undefined });
      const modules = Object.keys(Module._cache).filter((path) => path.includes('/@opentelemetry/'));
      process.stdout.write(JSON.stringify({ on: tracing !== undefined, modules: modules.length }) + '\\n');`;
    const { ended } = startNode(['--input-type=module', '--eval', program], {});
    const { errors, lines } = await ended;
    expect(errors).toBe('');
    return lines[0];
  };

  test('tracing is off and nothing of OpenTelemetry is loaded', async () => {
    expect(await loaded('undefined')).toEqual({ on: false, modules: 0 });
    const on = await loaded("'http://127.0.0.1:1'");
    expect(on).toMatchObject({ on: true });
    expect(on?.modules).toBeGreaterThan(20);
  });
});

describe('settings', () => {
  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'production'],
  ])('are refused when they are wrong: %s', (name, value) => {
    expect(() => readSettings(schema, { [name]: value })).toThrow(SettingsError);
    expect(() => readSettings(schema, { [name]: value })).toThrow(name);
  });

  test('name the service, add attributes, and send headers to the receiver', async () => {
    const env = {
      ...{ OTEL_SERVICE_NAME: 'mine', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.namespace=a%20b' },
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=a,authorization=Basic%20b',
    };
    const { spans, headers } = await received((tracing) => tracing.start(request).end(), env);
    expect(spans[0]?.resource).toMatchObject({
      ...{ 'service.name': 'mine', 'service.namespace': 'a b', 'deployment.environment.name': 'test', 'process.pid': process.pid },
    });
    expect(headers[0]).toMatchObject({ 'x-team': 'a', authorization: 'Basic b', 'content-type': 'application/json' });
  });

  test('send protobuf by default', async () => {
    const receiver = await otlpReceiver();
    const tracing = await tracingTo(receiver.endpoint, { OTEL_EXPORTER_OTLP_PROTOCOL: '' });
    tracing.start(request).end();
    await tracing.stop();
    expect(receiver.headers[0]).toMatchObject({ 'content-type': 'application/x-protobuf' });
  });
});

describe('a span', () => {
  test('continues a valid traceparent, and passes on its own', async () => {
    let passedOn = '';
    const { spans } = await received((tracing) => {
      const span = tracing.start({ ...request, parent: PARENT, attributes: { 'a.text': 'a', 'a.number': 1, missing: undefined } });
      passedOn = span.traceparent;
      span.end({ later: 2 });
    });
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({
      ...{ name: 'a span', kind: 'server', traceId: PARENT.slice(3, 35), parentSpanId: PARENT.slice(36, 52), status: { code: 0 } },
      attributes: { 'a.text': 'a', 'a.number': 1, later: 2 },
    });
    expect(passedOn).toBe(`00-${spans[0]?.traceId}-${spans[0]?.spanId}-01`);
  });

  test.each([undefined, '', 'nonsense', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, PARENT.toUpperCase(), `ff${PARENT.slice(2)}`])(
    'begins a trace where the traceparent is %j, with the id that it is given',
    async (parent) => {
      const traceId = 'ab'.repeat(16);
      const { spans } = await received((tracing) => {
        tracing.start({ ...request, parent, traceId }).end();
        tracing.start({ ...request, parent }).end();
      });
      expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined]);
      expect(spans[0]?.traceId).toBe(traceId);
      expect(spans[1]?.traceId).not.toBe(traceId);
    },
  );

  test('links to the valid ones of many traceparents', async () => {
    const links = Array.from({ length: 500 }, (_, n) => PARENT.replace('00f067aa0ba902b7', (n + 1).toString(16).padStart(16, '0')));
    const { spans } = await received((tracing) => tracing.start({ ...request, links: [...links, undefined, 'nonsense'] }).end());
    expect(spans[0]?.links.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)).toEqual(links);
  });

  test('that failed is an error with its type', async () => {
    const { spans } = await received((tracing) => tracing.start(request).end({}, 'timeout'));
    expect(spans[0]).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'timeout' } });
  });

  test('keeps at most 1,024 characters of a value', async () => {
    const { spans } = await received((tracing) => tracing.start({ ...request, attributes: { long: 'x'.repeat(100_000) } }).end());
    expect(spans[0]?.attributes.long).toBe('x'.repeat(1024));
  });

  test.each([
    ['parentbased_always_on', '', [true, true, false]],
    ['parentbased_always_off', '', [false, true, false]],
    ['parentbased_traceidratio', '0', [false, true, false]],
    ['always_on', '', [true, true, true]],
    ['always_off', '', [false, false, false]],
    ['traceidratio', '0', [false, false, false]],
    ['traceidratio', '1', [true, true, true]],
  ])('is recorded, and its context says so, by the sampler %s %s', async (sampler, share, recorded) => {
    const flags: string[] = [];
    const { spans } = await received(
      (tracing) => {
        for (const parent of [undefined, PARENT, UNSAMPLED]) {
          const span = tracing.start({ ...request, parent });
          flags.push(span.traceparent.slice(-2));
          span.end();
        }
      },
      { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: share },
    );
    expect(flags).toEqual(recorded.map((yes) => (yes ? '01' : '00')));
    expect(spans).toHaveLength(recorded.filter(Boolean).length);
  });
});

describe('a receiver', () => {
  const closed = async () => `http://127.0.0.1:${(await freePorts(1))[0]}`;

  test.each([
    ['is away', closed],
    ['never answers', silentReceiver],
    ['refuses for now', () => refusingReceiver(503)],
    ['refuses for good', () => refusingReceiver(401)],
  ])('that %s costs its spans, one line of the log, and no more time at a stop than an export may take', async (_what, start) => {
    const tracing = await tracingTo(await start(), { OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
    const began = performance.now();
    for (let n = 0; n < 10_000; n += 1) tracing.start(request).end();
    const startedMs = performance.now() - began;
    await tracing.stop();
    expect(performance.now() - began - startedMs).toBeLessThan(2500);
    expect(tracing.lines()).toEqual([expect.objectContaining({ level: 40, code: 'TRACES_NOT_SENT' })]);
    expect(startedMs).toBeLessThan(5000);
  });

  test('that never answers delays a stop by no more than the stop has left', async () => {
    const tracing = await tracingTo(await silentReceiver(), { OTEL_EXPORTER_OTLP_TIMEOUT: '2000' });
    tracing.start(request).end();
    const began = performance.now();
    await tracing.stop(200);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(tracing.lines()).toEqual([
      expect.objectContaining({ code: 'TRACES_NOT_SENT', cause: expect.stringContaining('200 ms') as string }),
    ]);
  });
});
