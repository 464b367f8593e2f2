import { Readable } from 'node:stream';
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { readBody, SenderGone } from './body.ts';
import { createCatchHook, schemaUnknown, type CatchHook, type Stored } from './catch-hook.ts';
import { codingsOf } from './decode/unpack.ts';
import { errorBody, faults, IngestError } from './errors.ts';
import type { HookAnswer } from './handshake.ts';
import type { Observer, RequestLine } from './observe.ts';
import { openApiDocument, routes, type Route } from './openapi.ts';
import { newRequestId } from './request-id.ts';
import { parsePath, type RequestHeaders } from './webhook.ts';

export interface Dependencies extends CatchHook {
  /** Rejects when Postgres cannot be reached. */
  pingDatabase: () => Promise<unknown>;
  /** Whether the outbox has outgrown its limit. */
  outboxIsFull: () => boolean;
  observe: Pick<Observer, 'request'>;
}

type Env = { Bindings: HttpBindings };
type Answer = (c: Context<Env>, line: RequestLine) => Response | Promise<Response>;

/** The HTTP interface as a function of what it needs; it listens nowhere by itself. */
export function createApp(dependencies: Dependencies): Hono<Env> {
  // Bytes, not an object: whoever asks for it often costs no more than the sending.
  const document = Buffer.from(JSON.stringify(openApiDocument()));
  const answers: Record<Route['name'], Answer> = {
    catchHook: answerHook(dependencies),
    livez: (c) => c.json({ status: 'ok' }),
    readyz: async (c) => {
      if (dependencies.eventSchema() === undefined) throw schemaUnknown();
      await dependencies.pingDatabase().catch((error: unknown) => {
        throw new IngestError('database_unavailable', 'Postgres cannot be reached.', error);
      });
      return c.json({ status: 'ok' });
    },
    openapi: (c) => c.body(document, 200, { 'content-type': 'application/json' }),
  };
  // Not strict: with one slash at its end a path is the same.
  const app = new Hono<Env>({ strict: false });
  const { observe } = dependencies;
  // One handler per path, whatever the method: nothing stands between a request and its answer.
  for (const { name, path, methods } of routes) {
    const answer = name === 'catchHook' ? answers[name] : onlyFor(methods, answers[name]);
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), observed(answer, observe));
  }
  const nowhere: Answer = () => {
    throw new IngestError('not_found', 'No such path. Webhooks go to /hooks/catch/:userId/:zapId.');
  };
  app.notFound(observed(nowhere, observe));
  return app;
}

/** path → judge → write → answer. What is refused anyway is refused before its body is read. */
function answerHook(dependencies: Dependencies): Answer {
  const { door, budget, bodyLimitBytes, outboxIsFull } = dependencies;
  const catchHook = createCatchHook(dependencies);
  return async (c, line) => {
    const hook = parsePath(c.req.param());
    line.userId = hook.userId;
    line.zapId = hook.zapId;
    const settings = door?.settings(hook);
    const headers = headersOf(c);
    const query = queryOf(c);
    const { method } = c.req;
    if (settings?.origins !== undefined) allowOrigin(c, settings.origins, headers);
    /** Without an event: a check of the URL, a preview of a link, a browser. */
    function greet(): Response | undefined {
      const answer = door?.greet(hook, { method, query, headers, body: NOTHING });
      if (answer === undefined) return method === 'OPTIONS' ? undefined : c.json(nothingCame);
      line.outcome = 'handshake';
      return answered(c, answer, line);
    }
    if (method === 'OPTIONS' || method === 'HEAD') {
      const answer = greet();
      if (answer !== undefined) return answer;
      if (settings?.origins !== undefined) return c.body(null, (line.status = 204));
      throw methodNotAllowed(c, hookMethods);
    }
    if (!hookMethods.includes(method as 'GET')) throw methodNotAllowed(c, hookMethods);
    if (outboxIsFull()) throw new IngestError('backpressure', 'Too many events wait to be published. Try again later.', undefined, 30);
    const codings = codingsOf(headers['content-encoding'] as string | undefined);
    const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
    if (announced !== undefined && announced > bodyLimitBytes) {
      throw new IngestError('payload_too_large', `The body is larger than ${bodyLimitBytes} bytes.`);
    }
    askForBody(c);
    const sent = await readBody(bodyOf(c), bodyLimitBytes, budget, announced);
    try {
      const isQuery = sent.length === 0 && query !== '';
      if (method === 'GET' && sent.length === 0 && !isQuery) return greet() ?? c.json(nothingCame);
      const body = isQuery ? Buffer.from(query, 'latin1') : sent;
      return answered(c, await catchHook({ hook, method, query, headers, body, isQuery, codings }, line), line);
    } finally {
      budget.give(sent.length);
    }
  };
}

const NOTHING = new Uint8Array();
const nothingCame = { message: 'This hook takes webhooks. Nothing was sent, so nothing was stored.' };
const hookMethods = routes.find(({ name }) => name === 'catchHook')?.methods ?? [];

function answered(c: Context<Env>, answer: HookAnswer | Stored, line: RequestLine): Response {
  if (!('status' in answer)) return c.json({ message: 'Webhook received', id: answer.id, ids: answer.ids });
  line.status = answer.status;
  // An empty body is none: TwiML and a SOAP acknowledgement are text, 204 is nothing.
  return answer.body === ''
    ? c.body(null, answer.status as 204, answer.headers)
    : c.body(answer.body, answer.status as 200, answer.headers);
}

/** CORS: lets a page of an origin that the hook names read the answers, errors as well, and send any header. */
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

/** The request and the answer as Node has them; without a port, in a test, there are none. */
const node = (c: Context<Env>) => (c.env as HttpBindings | undefined) ?? ({} as Partial<HttpBindings>);
// Node's own objects where they are, so that no request pays for wrapping them.
const headersOf = (c: Context<Env>): RequestHeaders => node(c).incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
const bodyOf = (c: Context<Env>): Readable =>
  node(c).incoming ?? (c.req.raw.body === null ? Readable.from([]) : Readable.fromWeb(c.req.raw.body as never));

/** Tells a sender that asked (`Expect: 100-continue`) to go on: nothing stands against its request so far. */
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
    throw methodNotAllowed(c, methods);
  };
}

function methodNotAllowed(c: Context<Env>, methods: Route['methods']): IngestError {
  c.header('Allow', methods.join(', '));
  return new IngestError('method_not_allowed', `${c.req.method} is not supported here: send ${methods.join(', ')}.`);
}

/** One line per request, however it ends. */
function observed(answer: Answer, observe: Dependencies['observe']): (c: Context<Env>) => Promise<Response> {
  return async (c) => {
    const began = performance.now();
    const line: RequestLine = { requestId: newRequestId(), method: c.req.method, status: 200, outcome: 'ok', durationMs: 0 };
    let response: Response;
    try {
      response = await answer(c, line);
    } catch (error) {
      response = refuse(c, line, error);
    }
    line.durationMs = Math.round((performance.now() - began) * 10) / 10;
    observe.request(line);
    return response;
  };
}

function refuse(c: Context<Env>, line: RequestLine, error: unknown): Response {
  const fault =
    error instanceof IngestError
      ? error
      : error instanceof SenderGone
        ? new IngestError('bad_request', 'The connection was closed before the whole body had arrived.')
        : new IngestError('internal', 'This is a fault of ours.', error);
  const { status, retryable } = faults[fault.code];
  line.outcome = error instanceof SenderGone ? 'sender_gone' : fault.code;
  line.status = status;
  const cause = describe(fault.cause);
  if (cause !== undefined) line.cause = cause;
  if (retryable) c.header('Retry-After', String(fault.retryAfter));
  // The rest of such a request cannot be told from the next one.
  if (fault.code === 'bad_request' || fault.code === 'request_timeout') c.header('Connection', 'close');
  return c.json(errorBody(fault.code, fault.message, line.requestId), status);
}

function describe(cause: unknown): string | undefined {
  return cause instanceof Error ? `${'code' in cause ? `${String(cause.code)} ` : ''}${cause.message}` : undefined;
}
