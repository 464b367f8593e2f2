import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import type avsc from 'avsc';
import { createMetrics } from '../kit/metrics.ts';
import { readSettings } from '../kit/settings.ts';
import { createApp } from '../ingest/app.ts';
import { Budget } from '../ingest/budget.ts';
import { settings } from '../ingest/config.ts';
import { eventSchema } from '../contract/event.ts';
import { logLines } from '../ingest/log-lines.ts';
import { createObserver } from '../ingest/observe.ts';
import { limitRate } from '../ingest/rate-limit.ts';
import { createIngestServer } from '../ingest/server.ts';

// The baseline of bench:ingest: ingest/main.ts with everything that it does for a request, but a write that returns at
// once.

const config = readSettings(settings, process.env);
const schema = eventSchema(
  1,
  JSON.parse(readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8')) as avsc.Schema,
);
const budget = new Budget(config.QUEUE_BYTES);
const observe = createObserver(pino({ name: 'ingest' }, logLines()), createMetrics(), {
  queued: () => 0,
  heldBytes: () => budget.held,
  outboxBytes: () => 0,
  connections: () => 0,
});
const app = createApp({
  recordEvent: limitRate({ record: async ({ id }) => ({ id, repeated: false }), findRepeat: async () => undefined }, config),
  eventSchema: () => schema,
  tryWrite: async () => undefined,
  outboxIsFull: () => false,
  budget,
  bodyLimitBytes: config.BODY_LIMIT_BYTES,
  maxEventBytes: config.MAX_EVENT_BYTES,
  keepHeaders: config.KEEP_HEADERS,
  observe,
});
createIngestServer(app.fetch, config, observe, budget).server.listen(config.PORT, config.HOST);
