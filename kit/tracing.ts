import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Link, SpanContext } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import { z } from 'zod';
import { integer, list, secret } from './settings.ts';

// Tracing by OpenTelemetry. Without an endpoint it is off: none of its packages is imported, and no span is made. Spans wait
// in a bounded queue and are dropped when it is full, so a receiver that is away costs only spans.

const samplers = ['always_on', 'always_off', 'traceidratio'] as const;

/**
 * The settings of tracing, to be spread into a service's schema. Names and values are OpenTelemetry's.
 *
 * @param serviceName the service's name in traces
 */
export const tracingSettings = (serviceName: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Receiver of spans by OTLP over HTTP, such as http://localhost:4318; without it tracing is off'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.enum(['http/protobuf', 'http/json']).default('http/protobuf').describe('Encoding of the spans'),
  OTEL_EXPORTER_OTLP_HEADERS: secret().optional().describe('Request headers for the receiver, name=value, separated by commas'),
  OTEL_EXPORTER_OTLP_TIMEOUT: integer(100, 10_000)
    .default(2000)
    .describe('Deadline of one export in milliseconds, retries included; a stop waits at most this long for the last one'),
  OTEL_BSP_SCHEDULE_DELAY: integer(10, 600_000)
    .default(5000)
    .describe('Milliseconds between two exports; 512 waiting spans are exported at once'),
  OTEL_BSP_MAX_QUEUE_SIZE: integer(512, 1_000_000).default(2048).describe('Most spans that wait for an export; more are dropped'),
  OTEL_SERVICE_NAME: z.string().min(1).default(serviceName).describe('Name of the service in traces'),
  OTEL_RESOURCE_ATTRIBUTES: list()
    .refine((pairs) => pairs.every((pair) => /^[^=]+=/.test(pair)), 'expected name=value, separated by commas')
    .describe('More attributes of the service in traces, name=value, separated by commas'),
  OTEL_TRACES_SAMPLER: z
    .enum([...samplers, 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'])
    .default('parentbased_always_on')
    .describe('Which traces are recorded; with parentbased, a traceparent decides if there is one'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1).describe('Share of traces that a traceidratio sampler records'),
});

export type TracingSettings = Readonly<z.output<z.ZodObject<ReturnType<typeof tracingSettings>>>>;

/** Names are those of the semantic conventions, and `outbox.…` where they have none. */
export type Attributes = Record<string, string | number | undefined>;

export interface SpanStart {
  name: string;
  kind: 'server' | 'client' | 'consumer';
  attributes: Attributes;
  /** The traceparent to continue. Without a valid one the span begins a trace. */
  parent?: string | undefined;
  /** The id of the trace that begins here; random by default. */
  traceId?: string;
  /** Traceparents that the span is linked to and does not continue. */
  links?: readonly (string | undefined)[];
}

export interface Span {
  /** The W3C trace context to pass on. */
  traceparent: string;
  /** @param errorType why the work failed; one of a few fixed values */
  end(attributes?: Attributes, errorType?: string): void;
}

export interface Tracing {
  start(span: SpanStart): Span;
  /**
   * Sends the waiting spans in one last export. Never rejects.
   *
   * @param withinMs how long the caller can wait; the export then continues in the background
   */
  stop(withinMs?: number): Promise<void>;
}

/** More than the largest batch of a consumer; OpenTelemetry's own limit is 128. */
const MAX_LINKS = 1024;
/** A bound, because senders choose some of the values. */
const MAX_VALUE_CHARACTERS = 1024;
const WARN_EVERY_MS = 60_000;
const LONGEST_STOP_MS = 30_000;

/** @returns undefined when tracing is off */
export async function startTracing(config: TracingSettings, log: Logger): Promise<Tracing | undefined> {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return undefined;
  const [{ diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags }, sdk, core, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ]);
  const warn = createWarning(log);
  const nothing = (): void => undefined;
  core.setGlobalErrorHandler((error) => warn(messageOf(error)));
  diag.setLogger(
    { error: warn, warn, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const root = {
    always_on: new sdk.AlwaysOnSampler(),
    always_off: new sdk.AlwaysOffSampler(),
    traceidratio: new sdk.TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG),
  };
  const [, parentBased, rootName = 'always_on'] = /^(parentbased_)?(.+)$/.exec(config.OTEL_TRACES_SAMPLER) ?? [];
  const rootSampler = root[rootName as keyof typeof root];
  const random = new sdk.RandomIdGenerator();
  let nextTraceId: string | undefined;
  const provider = new sdk.TracerProvider({
    sampler: parentBased === undefined ? rootSampler : new sdk.ParentBasedSampler({ root: rootSampler }),
    idGenerator: { generateTraceId: () => nextTraceId ?? random.generateTraceId(), generateSpanId: () => random.generateSpanId() },
    spanLimits: { linkCountLimit: MAX_LINKS, attributeValueLengthLimit: MAX_VALUE_CHARACTERS },
    resource: resources.defaultResource().merge(
      resources.resourceFromAttributes({
        ...{ 'service.namespace': 'webhook-outbox', 'host.name': hostname(), 'process.pid': process.pid },
        ...pairs(config.OTEL_RESOURCE_ATTRIBUTES),
        'service.name': config.OTEL_SERVICE_NAME,
      }),
    ),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: await createExporter(config),
        scheduledDelayMillis: config.OTEL_BSP_SCHEDULE_DELAY,
        maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
      }),
    ],
  });
  const tracer = provider.getTracer('webhook-outbox');
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER };

  return {
    start: ({ name, kind, attributes, parent, traceId, links = [] }) => {
      const contextOf = (traceparent: string | undefined) => (traceparent === undefined ? null : core.parseTraceParent(traceparent));
      const from = contextOf(parent);
      nextTraceId = traceId;
      const span = tracer.startSpan(
        name,
        { kind: kinds[kind], attributes, links: links.flatMap((one): Link[] => linkTo(contextOf(one))) },
        from === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...from, isRemote: true }),
      );
      nextTraceId = undefined;
      const { traceId: id, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: `00-${id}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`,
        end: (more = {}, errorType) => {
          span.setAttributes(errorType === undefined ? more : { ...more, 'error.type': errorType });
          if (errorType !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    stop: async (withinMs = LONGEST_STOP_MS) => {
      const sent = provider.shutdown().catch((error: unknown) => warn(messageOf(error)));
      const late = delay(withinMs, true, { ref: false });
      if ((await Promise.race([sent, late])) === true) warn(`no answer within the ${Math.round(withinMs)} ms that a stop had left`);
    },
  };
}

const linkTo = (context: SpanContext | null): Link[] => (context === null ? [] : [{ context }]);

async function createExporter(config: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    config.OTEL_EXPORTER_OTLP_PROTOCOL === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({
    url: `${config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, '')}/v1/traces`,
    headers: pairs((config.OTEL_EXPORTER_OTLP_HEADERS ?? '').split(',')),
    timeoutMillis: config.OTEL_EXPORTER_OTLP_TIMEOUT,
  });
}

/** `['a=b', 'c=d%20e']` → `{ a: 'b', c: 'd e' }` */
function pairs(texts: readonly string[]): Record<string, string> {
  const found = texts.map((text) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(text) ?? []);
  return Object.fromEntries(found.flatMap(([, name, value = '']) => (name === undefined ? [] : [[name, decoded(value)]])));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Logs why spans are lost, at most once a minute: a receiver that is away fails every export. */
function createWarning(log: Logger): (cause: string) => void {
  let lastAt = -Infinity;
  return (cause) => {
    if (performance.now() - lastAt < WARN_EVERY_MS) return;
    lastAt = performance.now();
    log.warn({ code: 'TRACES_NOT_SENT', cause: cause.slice(0, MAX_VALUE_CHARACTERS) }, 'spans were not sent; nothing else is affected');
  };
}

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
