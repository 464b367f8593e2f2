import { Readable } from 'node:stream';
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { discard, readBody, SenderGone } from './body.ts';
import { createCatchHook, schemaUnknown, type CatchHook } from './catch-hook.ts';
import { errorBody, faults, IngestError } from './errors.ts';
import { parseForm } from './form.ts';
import { parserFor } from './metadata.ts';
import type { Observer, RequestLine } from './observe.ts';
import { openApiDocument, routes, type Route } from './openapi.ts';
import { newRequestId } from './request-id.ts';
import { parsePath, type RequestHeaders } from './webhook.ts';

export interface Dependencies extends CatchHook {
  /** Rejects when Postgres cannot be reached. */
  pingDatabase: () => Promise<unknown>;
  /** Whether the outbox has outgrown its limit. */
  outboxIsFull: () => boolean;
  bodyLimitBytes: number;
  observe: Pick<Observer, 'request'>;
}

type Env = { Bindings: HttpBindings };
type Answer = (c: Context<Env>, line: RequestLine) => Response | Promise<Response>;

/** The HTTP interface as a function of what it needs; it listens nowhere by itself. */
export function createApp(dependencies: Dependencies): Hono<Env> {
  const document = openApiDocument();
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
    openapi: (c) => c.json(document),
  };
  const app = new Hono<Env>();
  const { observe } = dependencies;
  // One handler per path, whatever the method: nothing stands between a request and its answer.
  for (const { name, path, methods } of routes) {
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), observed(onlyFor(methods, answers[name]), observe));
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
    door?.open(hook);
    if (outboxIsFull()) throw new IngestError('backpressure', 'Too many events wait to be published. Try again later.', undefined, 30);
    const headers = headersOf(c);
    if (c.req.method === 'GET') {
      const id = await catchHook({ hook, headers, body: queryOf(c), parse: parseForm }, line);
      return c.json({ message: 'Webhook received', id });
    }
    const parse = parserFor(headers['content-type'] as string | undefined, headers['content-encoding'] as string | undefined);
    if (Number(headers['content-length']) > bodyLimitBytes) {
      throw new IngestError('payload_too_large', `The body is larger than ${bodyLimitBytes} bytes.`);
    }
    const body = await readBody(bodyOf(c), bodyLimitBytes, budget);
    try {
      const id = await catchHook({ hook, headers, body, parse }, line);
      return c.json({ message: 'Webhook received', id });
    } finally {
      budget.give(body.length);
    }
  };
}

/** The request and the answer as Node has them; without a port, in a test, there are none. */
const node = (c: Context<Env>) => (c.env as HttpBindings | undefined) ?? ({} as Partial<HttpBindings>);
// Node's own objects where they are, so that no request pays for wrapping them.
const headersOf = (c: Context<Env>): RequestHeaders => node(c).incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
const bodyOf = (c: Context<Env>): Readable =>
  node(c).incoming ?? (c.req.raw.body === null ? Readable.from([]) : Readable.fromWeb(c.req.raw.body as never));

function queryOf(c: Context<Env>): Uint8Array {
  const [, query = ''] = /\?([^#]*)/.exec(node(c).incoming?.url ?? c.req.url) ?? [];
  return Buffer.from(query, 'latin1');
}

function onlyFor(methods: Route['methods'], answer: Answer): Answer {
  const allowed = new Set<string>(methods);
  return (c, line) => {
    if (allowed.has(c.req.method)) return answer(c, line);
    // With bad ids it is no hook at all.
    if (c.req.param('zapId') !== undefined) parsePath(c.req.param());
    c.header('Allow', methods.join(', '));
    throw new IngestError('method_not_allowed', `${c.req.method} is not taken here: send ${methods.join(', ')}.`);
  };
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
      const { incoming, outgoing } = node(c);
      // Node closes such a connection after the answer: with bytes unread that would be a reset.
      if (incoming?.complete === false && outgoing?.shouldKeepAlive === false) await discard(incoming);
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
