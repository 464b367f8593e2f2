import pg from 'pg';
import { createMetrics, serveMetrics } from '../kit/metrics.ts';
import { createPrismaClient } from '../prisma/client.ts';
import { listen } from '../kit/listen.ts';
import { startService, stopOnSignal } from '../kit/process.ts';
import { startTracing } from '../kit/tracing.ts';
import { createApp } from './app.ts';
import { Budget } from './budget.ts';
import { settings } from './config.ts';
import type { EventSchema } from '../contract/event.ts';
import { accessControlOrExit } from './access-control.ts';
import { waitForEventSchema } from './event-schema.ts';
import { logLines } from './log-lines.ts';
import { createObserver } from './observe.ts';
import { watchOutboxSize } from './outbox-size.ts';
import { createRecorder, poolTimeouts } from './record-event.ts';
import { createRateLimit, limitRate } from './rate-limit.ts';
import { createIngestServer } from './server.ts';
import { insert } from './statements.ts';

const { log, config } = startService('ingest', settings, process.env, logLines());
const tracing = await startTracing(config, log);
const pool = new pg.Pool({ connectionString: config.DATABASE_URL, max: config.DATABASE_CONNECTIONS, keepAlive: true, ...poolTimeouts });
pool.on('error', (error) => log.warn({ cause: error.message }, 'idle connection lost'));
const prisma = createPrismaClient(pool);

const stopping = new AbortController();
let schema: EventSchema | undefined;
void waitForEventSchema(prisma, log, stopping.signal).then((found) => (schema = found));
const budget = new Budget(config.QUEUE_BYTES);
const outbox = watchOutboxSize(pool, log);
const metrics = createMetrics();
const waiting = { queued: () => recorder.queued(), heldBytes: () => budget.held, outboxBytes: outbox.bytes };
const observe = createObserver(log, metrics, { ...waiting, connections: () => connections() });
const recorder = createRecorder(pool, config.QUEUE_LIMIT, observe);
const wrongOnes = createRateLimit(
  { ...config, RATE_LIMIT_PER_ZAP: config.RATE_LIMIT_WRONG_SIGNATURES, RATE_LIMIT_TOTAL: 0 },
  'wrong signatures',
);
const app = createApp({
  recordEvent: limitRate(recorder, config),
  eventSchema: () => schema,
  access: accessControlOrExit(config.ZAPS_FILE, process.env, log, wrongOnes),
  tryWrite: () => insert(pool, [], false),
  outboxIsFull: () => outbox.bytes() > config.OUTBOX_MAX_BYTES,
  budget,
  bodyLimitBytes: config.BODY_LIMIT_BYTES,
  maxEventBytes: config.MAX_EVENT_BYTES,
  keepHeaders: config.KEEP_HEADERS,
  observe,
  tracing,
});
const { server, connections, stop } = createIngestServer(app.fetch, config, observe, budget);
const stopMetrics = await serveMetrics(metrics, config, log);
await listen(server, { port: config.PORT, host: config.HOST }, log);
log.info({ port: config.PORT, host: config.HOST }, 'listening');

stopOnSignal(
  log,
  async () => {
    stopping.abort();
    await stop(); // No new connections; requests in flight are answered.
    outbox.stop();
    stopMetrics();
    await pool.end();
  },
  config.SHUTDOWN_SECONDS,
  tracing?.stop,
);
