import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { faults, IngestError, type FaultCode } from './errors.ts';
import type { EventSchema } from './event-schema.ts';
import type { RecordEvent } from './record-event.ts';
import { EVENT_HEADERS, keepHeaders, parseJson, parsePath, parseTraceparent, requireJson } from './webhook.ts';

export interface Dependencies {
  recordEvent: RecordEvent;
  /** The schema to write events with; undefined while it is not registered. */
  eventSchema: () => EventSchema | undefined;
  /** Rejects when Postgres cannot be reached. */
  pingDatabase: () => Promise<void>;
  bodyLimitBytes: number;
  maxEventBytes: number;
  keepHeaders: readonly string[];
  log: Logger;
}

type Env = { Variables: { requestId: string; line: Record<string, unknown> } };

/** The HTTP interface as a function of what it needs; it listens nowhere by itself. */
export function createApp(dependencies: Dependencies): Hono<Env> {
  const { recordEvent, log, bodyLimitBytes } = dependencies;
  const keptNames = [...EVENT_HEADERS, ...dependencies.keepHeaders];
  const app = new Hono<Env>();

  // One line per request, however it ends. The query and the body are never in it.
  app.use(async (c, next) => {
    const began = performance.now();
    c.set('requestId', uuidv7());
    c.set('line', {});
    await next();
    const durationMs = Math.round((performance.now() - began) * 10) / 10;
    const line = { requestId: c.get('requestId'), method: c.req.method, status: c.res.status, durationMs, ...c.get('line') };
    if (c.res.status >= 500) log.error(line, 'request');
    else log.info(line, 'request');
  });

  app.post(
    '/hooks/catch/:userId/:zapId',
    (c, next) => {
      // Judged before the body is read: what is refused anyway should not cost memory.
      Object.assign(c.get('line'), parsePath(c.req.param()));
      requireJson(c.req.header('content-type'), c.req.header('content-encoding'));
      return next();
    },
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw new IngestError('payload_too_large', `The body is larger than ${bodyLimitBytes} bytes.`);
      },
    }),
    async (c) => {
      const { userId, zapId } = parsePath(c.req.param());
      const metadata = parseJson(new Uint8Array(await c.req.arrayBuffer()));
      const headers = keepHeaders(keptNames, (name) => c.req.header(name));
      const webhook = { userId, zapId, metadata, headers, traceparent: parseTraceparent(c.req.header('traceparent')) };
      const schema = dependencies.eventSchema();
      if (schema === undefined) throw new IngestError('schema_unknown', 'The event schema is not registered yet. Try again.');

      const id = uuidv7();
      const receivedAt = new Date();
      const payload = schema.encode(id, receivedAt, webhook);
      if (payload.length > dependencies.maxEventBytes) {
        throw new IngestError(
          'payload_too_large',
          `The event would have ${payload.length} bytes; ${dependencies.maxEventBytes} are allowed.`,
        );
      }
      Object.assign(c.get('line'), { id, bytes: payload.length });
      await recordEvent({ id, receivedAt, payload, schemaId: schema.id, ...webhook });
      return c.json({ message: 'Webhook received', id });
    },
  );
  app.all('/hooks/catch/:userId/:zapId', (c) => {
    parsePath(c.req.param());
    c.header('Allow', 'POST');
    throw new IngestError('method_not_allowed', `${c.req.method} is not taken here: send a POST.`);
  });

  app.get('/livez', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    if (dependencies.eventSchema() === undefined) throw new IngestError('schema_unknown', 'The event schema is not registered yet.');
    try {
      await dependencies.pingDatabase();
    } catch (error) {
      throw new IngestError('database_unavailable', 'Postgres cannot be reached.', error);
    }
    return c.json({ status: 'ok' });
  });

  app.notFound((c) => respond(c, 'not_found', 'No such path. Webhooks go to /hooks/catch/:userId/:zapId.'));
  app.onError((error, c) => {
    const known = error instanceof IngestError;
    c.get('line').cause = known ? describe(error.cause) : describe(error);
    return known ? respond(c, error.code, error.message) : respond(c, 'internal', 'This is a fault of ours.');
  });
  return app;
}

function respond(c: Context<Env>, code: FaultCode, message: string): Response {
  const { status, retryable } = faults[code];
  c.get('line').code = code;
  if (retryable) c.header('Retry-After', '1');
  return c.json({ code, message, requestId: c.get('requestId') }, status);
}

function describe(cause: unknown): string | undefined {
  return cause instanceof Error ? `${'code' in cause ? `${String(cause.code)} ` : ''}${cause.message}` : undefined;
}
