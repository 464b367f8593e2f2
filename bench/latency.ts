import { createKafka } from '../kit/kafka.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { serve } from '@hono/node-server';
import autocannon from 'autocannon';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../contract/names.ts';
import { createDecoder } from '../consumers-example/consumer/decode.ts';
import { consume } from '../consumers-example/consumer/kafka.ts';
import { createConsumerMetrics } from '../consumers-example/consumer/observe.ts';
import { createRegistry } from '../consumers-example/consumer/registry.ts';
import { zapRunCreated } from '../contract/zap-run.ts';
import { createApp } from '../ingest/app.ts';
import { Budget } from '../ingest/budget.ts';
import { findEventSchema } from '../ingest/event-schema.ts';
import { createRecorder, poolTimeouts } from '../ingest/record-event.ts';
import { createPrismaClient } from '../prisma/client.ts';
import { databaseUrl, readStackConfig } from '../stack/config.ts';
import { registryFor } from '../stack/http-logins.ts';
import { quantile } from '../test/support/open-loop.ts';
import { atMost, printGoals, spread } from './figures.ts';

// `npm run bench:latency`, on a running stack (`make up`): from COMMIT's reply at ingest to the consumer's handler. The
// apps of ingest and of the example consumer run in this process, so that one clock measures both ends. The load is open:
// 600 requests per second that do not wait for answers. Three rounds, medians and spread.

const RATE = 600;
const SECONDS = 20;
const ROUNDS = 3;
/** The first seconds of a round have a cold JVM and are not counted. */
const WARM_UP_SECONDS = 5;
const GOALS = { p50Ms: 20, p99Ms: 60 };

if (existsSync('.env')) process.loadEnvFile('.env');
const config = readStackConfig(process.env);
const pool = new pg.Pool({ connectionString: databaseUrl(config, 'ingest'), max: 6, ...poolTimeouts });
const schemaText = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');
const eventSchema = await findEventSchema(createPrismaClient(pool), schemaText);
if (eventSchema === undefined) throw new Error('the event schema is not registered: run make up first');

// An event can reach the handler before this process reads the reply to its COMMIT, so each end waits for the other.
const committedAt = new Map<string, number>();
const arrivedAt = new Map<string, number>();
let latencies: number[] = [];

function settle(id: string): void {
  const [committed, arrived] = [committedAt.get(id), arrivedAt.get(id)];
  if (committed === undefined || arrived === undefined) return;
  latencies.push(arrived - committed);
  committedAt.delete(id);
  arrivedAt.delete(id);
}

const { record } = createRecorder(pool, 10_000);
const app = createApp({
  recordEvent: async (event) => {
    const recorded = await record(event);
    committedAt.set(event.id, performance.now());
    settle(event.id);
    return recorded;
  },
  eventSchema: () => eventSchema,
  tryWrite: async () => undefined,
  bodyLimitBytes: 524_288,
  maxEventBytes: 900_000,
  outboxIsFull: () => false,
  budget: new Budget(64_000_000),
  keepHeaders: [],
  observe: { request: () => undefined },
});
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });

const decode = createDecoder(createRegistry(registryFor(config, 'reader')), zapRunCreated);
const consumer = await consume({
  kafka: createKafka(kafkaFor(config, 'admin'), { clientId: 'bench' }),
  groupId: 'bench-latency',
  topic: EVENT_TOPIC,
  decode,
  handle: async ({ event: { zapRunId } }) => {
    arrivedAt.set(zapRunId, performance.now());
    settle(zapRunId);
  },
  deadLetterTopic: DEAD_LETTER_TOPIC,
  maxAttempts: 1,
  stallSeconds: 60,
  log: pino({ level: 'warn' }),
  metrics: createConsumerMetrics(new Registry()),
  onGivingUp: (error) => {
    throw error;
  },
});

const load = (seconds: number) =>
  autocannon({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    // Sixty-four zaps, so that every partition gets events.
    requests: Array.from({ length: 64 }, (_, zap) => ({
      path: `/hooks/catch/bench/zap-${zap}`,
      method: 'POST' as const,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x'.repeat(388) }),
    })),
    connections: 32,
    overallRate: RATE,
    duration: seconds,
  });

const rounds: { events: number; p50: number; p99: number; max: number }[] = [];
for (let round = 1; round <= ROUNDS; round += 1) {
  await load(WARM_UP_SECONDS);
  latencies = [];
  const { non2xx, errors } = await load(SECONDS);
  if (non2xx + errors > 0) throw new Error(`${non2xx} answers were not 200, ${errors} requests failed`);
  const deadline = performance.now() + 30_000;
  while (committedAt.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  if (committedAt.size > 0) throw new Error(`${committedAt.size} events did not arrive`);
  const result = { events: latencies.length, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: quantile(latencies, 1) };
  rounds.push(result);
  process.stdout.write(
    `round ${round}: ${result.events} events, p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms, max ${result.max.toFixed(1)} ms\n`,
  );
}

const result = {
  date: new Date().toISOString(),
  cpus: cpus().length,
  rate: RATE,
  p50: spread(rounds.map(({ p50 }) => p50)),
  p99: spread(rounds.map(({ p99 }) => p99)),
  rounds,
};
writeFileSync(new URL('results/latency.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([atMost('p50, ms', result.p50.median, GOALS.p50Ms, 1), atMost('p99, ms', result.p99.median, GOALS.p99Ms, 1)]);
await consumer.stop();
server.close();
await pool.end();
process.exit();
