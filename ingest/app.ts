import { Readable } from 'node:stream';
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type { Tracing } from '../kit/tracing.ts';
import { SenderGone } from './body.ts';
import { createCatchHook, hookMethods, methodNotAllowed, type CatchHook, type HookHead } from './catch-hook.ts';
import { errorBody, faults, IngestError } from './errors.ts';
import type { Observer, RequestLine } from './observe.ts';
import { openApiDocument, routes, type Route } from './openapi.ts';
import { newRequestId } from './request-id.ts';
import { createRequestSpans, type StartRequestSpan } from './request-span.ts';
import { schemaUnknown } from './run-event.ts';
import type { RequestHeaders } from './webhook.ts';

export interface Dependencies extends CatchHook {
  /** Does what a write does, for no event. Rejects when Postgres would not store one. */
  tryWrite: () => Promise<unknown>;
  observe: Pick<Observer, 'request'>;
  /** undefined when tracing is off. */
  tracing?: Tracing | undefined;
}

type Env = { Bindings: HttpBindings };
type Answer = (c: Context<Env>, line: RequestLine) => Response | Promise<Response>;

/** Makes the HTTP interface. It does not listen. */
export function createApp(dependencies: Dependencies): Hono<Env> {
  // Bytes, not an object, so that frequent requests cost only the sending.
  const document = Buffer.from(JSON.stringify(openApiDocument()));
  const answers: Record<Route['name'], Answer> = {
    catchHook: answerHook(dependencies),
    livez: (c) => c.json({ status: 'ok' }),
    readyz: async (c) => {
      if (dependencies.eventSchema() === undefined) throw schemaUnknown();
      await dependencies.tryWrite().catch((error: unknown) => {
        throw new IngestError('database_unavailable', 'Postgres cannot store events now.', error);
      });
      return c.json({ status: 'ok' });
    },
    openapi: (c) => c.body(document, 200, { 'content-type': 'application/json' }),
  };
  // Not strict, so that one slash at the end of a path is ignored.
  const app = new Hono<Env>({ strict: false });
  const { observe, tracing } = dependencies;
  const startSpan = createRequestSpans(tracing);
  // One handler per path for every method, without middleware.
  for (const { name, path, methods } of routes) {
    const answer = name === 'catchHook' ? answers[name] : onlyFor(methods, answers[name]);
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), observed(answer, observe, methods, name === 'catchHook' ? startSpan : undefined));
  }
  const nowhere: Answer = () => {
    throw new IngestError('not_found', 'No such path. Webhooks go to /hooks/catch/:userId/:zapId.');
  };
  app.notFound(observed(nowhere, observe));
  return app;
}

/** Passes a webhook's request to catch-hook.ts and makes its HTTP answer. */
function answerHook(dependencies: Dependencies): Answer {
  const catchHook = createCatchHook(dependencies);
  return async (c, line) => {
    const headers = headersOf(c);
    const request: HookHead = {
      params: c.req.param(),
      method: c.req.method,
      query: queryOf(c),
      headers,
      body: bodyOf(c),
      goOn: () => askForBody(c),
      allowOrigins: (origins) => allowOrigin(c, origins, headers),
    };
    const answer = await catchHook(request, line);
    if (!('status' in answer)) return c.json(answer);
    line.status = answer.status;
    // An empty answer has no body, such as 204; TwiML and a SOAP acknowledgement are text.
    return answer.body === ''
      ? c.body(null, answer.status as 204, answer.headers)
      : c.body(answer.body, answer.status as 200, answer.headers);
  };
}

/** CORS: lets pages of the hook's origins read all answers, including errors, and send any header. */
function allowOrigin(c: Context<Env>, origins: ReadonlySet<string>, headers: RequestHeaders): void {
  const { origin, 'access-control-request-headers': wanted } = headers;
  c.header('Vary', 'Origin');
  if (typeof origin !== 'string' || !(origins.has('*') || origins.has(origin))) return;
  c.header('Access-Control-Allow-Origin', origins.has('*') ? '*' : origin);
  if (c.req.method !== 'OPTIONS') return;
  c.header('Access-Control-Allow-Methods', hookMethods.join(', '));
  if (typeof wanted === 'string' && /^[\w ,-]{1,1000}$/.test(wanted)) c.header('Access-Control-Allow-Headers', wanted);
  c.header('Access-Control-Max-Age', '86400');
}

/** Node's request and answer; both are undefined in a test without a port. */
const node = (c: Context<Env>) => (c.env as HttpBindings | undefined) ?? ({} as Partial<HttpBindings>);
// Node's own objects are used where they exist, because wrapping them costs time.
const headersOf = (c: Context<Env>): RequestHeaders => node(c).incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
const bodyOf = (c: Context<Env>): Readable =>
  node(c).incoming ?? (c.req.raw.body === null ? Readable.from([]) : Readable.fromWeb(c.req.raw.body as never));

/** The rest of a body in chunks has no bound in bytes or chunks, so a connection that is answered before it ends is closed. */
function closeIfEndless(c: Context<Env>): void {
  const { incoming, outgoing } = node(c);
  if (outgoing !== undefined && incoming?.complete === false && incoming.headers['transfer-encoding'] !== undefined)
    outgoing.shouldKeepAlive = false;
}

/** Sends 100 Continue to a sender that expects it: nothing in the head refuses its request. */
function askForBody(c: Context<Env>): void {
  const { incoming, outgoing } = node(c);
  if (incoming?.headers.expect !== undefined && incoming.httpVersionMinor === 1) outgoing?.writeContinue();
}

function queryOf(c: Context<Env>): string {
  const [, query = ''] = /\?([^#]*)/.exec(node(c).incoming?.url ?? c.req.url) ?? [];
  return query;
}

function onlyFor(methods: Route['methods'], answer: Answer): Answer {
  const allowed = new Set<string>(methods);
  return (c, line) => {
    if (allowed.has(c.req.method)) return answer(c, line);
    throw methodNotAllowed(c.req.method, methods);
  };
}

/** One line per request, however it ends, and one span with tracing. */
function observed(
  answer: Answer,
  observe: Dependencies['observe'],
  methods: readonly string[] = [],
  startSpan?: StartRequestSpan,
): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    const began = performance.now();
    const line: RequestLine = { requestId: newRequestId(), method: c.req.method, status: 200, outcome: 'ok', durationMs: 0 };
    const endSpan = startSpan?.(line, c.req.path, headersOf(c).traceparent);
    let response: Response;
    try {
      response = await answer(c, line);
    } catch (error) {
      response = refuse(c, line, error, methods);
    }
    line.durationMs = Math.round((performance.now() - began) * 10) / 10;
    closeIfEndless(c);
    observe.request(line);
    endSpan?.();
    return response;
  };
}

function refuse(c: Context<Env>, line: RequestLine, error: unknown, methods: readonly string[]): Response {
  const fault =
    error instanceof IngestError
      ? error
      : error instanceof SenderGone
        ? new IngestError('bad_request', 'The connection was closed before the whole body had arrived.')
        : new IngestError('internal', 'Ingest failed. Its log has the cause under this requestId.', error);
  const { status, retryable } = faults[fault.code];
  line.outcome = error instanceof SenderGone ? 'sender_gone' : fault.code;
  line.status = status;
  const cause = describe(fault.cause);
  if (cause !== undefined) line.cause = cause;
  if (fault.code === 'method_not_allowed') c.header('Allow', methods.join(', '));
  if (retryable) c.header('Retry-After', String(fault.retryAfter));
  // After these faults the end of the request is unknown, so the next one cannot be read.
  if (fault.code === 'bad_request' || fault.code === 'request_timeout') c.header('Connection', 'close');
  return c.json(errorBody(fault.code, fault.message, line.requestId), status);
}

function describe(cause: unknown): string | undefined {
  return cause instanceof Error ? `${'code' in cause ? `${String(cause.code)} ` : ''}${cause.message}` : undefined;
}
