import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import pg from 'pg';
import { pino } from 'pino';
import { createPrismaClient } from '../prisma/client.ts';
import { loggable, settingsOrExit } from '../settings.ts';
import { createApp } from './app.ts';
import { settings } from './config.ts';
import { findEventSchema, type EventSchema } from './event-schema.ts';
import { createRecorder } from './record-event.ts';

const log = pino({ name: 'ingest' });
const config = settingsOrExit(settings, process.env);
log.info(loggable(settings, config), 'starting');

const pool = new pg.Pool({
  connectionString: config.DATABASE_URL,
  max: config.DATABASE_CONNECTIONS,
  keepAlive: true,
  // A sender waits for the answer: better a 503 after three seconds than a request that hangs.
  connectionTimeoutMillis: 2000,
  statement_timeout: 2500,
  query_timeout: 3000,
});
pool.on('error', (error) => log.warn({ cause: error.message }, 'idle connection lost'));
const prisma = createPrismaClient(pool);

let schema: EventSchema | undefined;
const app = createApp({
  recordEvent: createRecorder(pool, config.QUEUE_LIMIT),
  eventSchema: () => schema,
  pingDatabase: async () => {
    await pool.query('SELECT 1');
  },
  bodyLimitBytes: config.BODY_LIMIT_BYTES,
  maxEventBytes: config.MAX_EVENT_BYTES,
  keepHeaders: config.KEEP_HEADERS,
  log,
});
const server = serve({ fetch: app.fetch, port: config.PORT, hostname: config.HOST }, ({ port }) => log.info({ port }, 'listening'));

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stopping.abort();
    // No new connections; requests in flight are answered, then the process ends by itself.
    server.close(() => void pool.end().then(() => log.info('stopped')));
    if ('closeIdleConnections' in server) server.closeIdleConnections();
    setTimeout(() => process.exit(1), config.SHUTDOWN_SECONDS * 1000).unref();
  });
}

const schemaText = readFileSync(new URL('../connect/schemas/zap-run.avsc', import.meta.url), 'utf8');
while (schema === undefined && !stopping.signal.aborted) {
  try {
    schema = await findEventSchema(prisma, schemaText);
    log.info({ schemaId: schema?.id }, schema === undefined ? 'event schema is not registered yet' : 'ready');
  } catch (error) {
    log.warn({ cause: error instanceof Error ? error.message : error }, 'event schema cannot be looked up');
  }
  if (schema === undefined) await delay(500);
}
