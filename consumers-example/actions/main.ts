import { parseDuration } from '../../kit/duration.ts';
import { createKafka } from '../../kit/kafka.ts';
import { createMetrics, serveMetrics } from '../../kit/metrics.ts';
import { fail, startService, stopOnSignal } from '../../kit/process.ts';
import { startTracing } from '../../kit/tracing.ts';
import { createDecoder } from '../consumer/decode.ts';
import { consume } from '../consumer/kafka.ts';
import { createConsumerMetrics } from '../consumer/observe.ts';
import { createRegistry } from '../consumer/registry.ts';
import { zapRunCreated, type ZapRunCreated } from '../../contract/zap-run.ts';
import { parseAllowed } from './address-guard.ts';
import { attempt } from './attempt.ts';
import { settings } from './config.ts';
import { createDeliveries, createPool } from './deliveries.ts';
import { Dispatcher } from './dispatcher.ts';
import { createGuardedClient } from './guarded-client.ts';
import { createObserver } from './observe.ts';
import { toAction } from './payload.ts';
import { keepPurged } from './purge.ts';
import { followTargets } from './reload.ts';
import { createSettler } from './settler.ts';

const { log, config } = startService('actions', settings, process.env);

const tracing = await startTracing(config, log);
const allowed = parseAllowed(config.ALLOW_TARGETS, config.ALLOW_PORTS.map(Number));
const leaseMs = config.LEASE_SECONDS * 1000;
const { ACTIONS_ENV: envNames, ACTIONS_FILES: filesBelow, TARGET_CONCURRENCY: concurrency } = config;
const reading = { env: process.env, envNames, filesBelow, allowed, concurrency, longestTimeoutMs: leaseMs - 2000 };
const targets = followTargets(config.ACTIONS_FILE, reading, log);
const pool = createPool(config.DATABASE_URL, log);
const deliveries = createDeliveries(pool, leaseMs);
const onFailure = (error: unknown) => log.warn({ code: 'DATABASE_UNAVAILABLE', cause: String(error) }, 'Postgres failed, tried again');
const registry = createMetrics();
const client = createGuardedClient(allowed);
const settler = createSettler(deliveries.settle, onFailure);
const scheduleMs = config.RETRY_SCHEDULE.map(parseDuration);
const dispatcher: Dispatcher = new Dispatcher({
  ...{ deliveries, targets: targets.current, leaseMs, concurrency: config.CONCURRENCY, settle: settler.add, onFailure },
  attempt: (delivery, target) => attempt(delivery, target, client, scheduleMs, tracing),
  onAttempt: createObserver(registry, log, () => dispatcher.inFlight, deliveries.depths),
});
const stopPurge = keepPurged(deliveries, config.INBOX_KEEP_HOURS, log);
const stopMetrics = await serveMetrics(registry, config, log);

const { GROUP_ID: groupId, TOPIC: topic, DEAD_LETTER_TOPIC: deadLetterTopic } = config;
const consumer = await consume<ZapRunCreated>({
  ...{ kafka: createKafka(config, { clientId: groupId, log }), groupId, topic, deadLetterTopic },
  ...{ maxAttempts: 5, stallSeconds: 60, batchSize: 500, log, metrics: createConsumerMetrics(registry), tracing },
  decode: createDecoder(createRegistry(config), zapRunCreated),
  // The position is committed after this: from then on the tables have the calls, whichever process dies.
  handleBatch: (delivered) => dispatcher.accept(delivered.map(({ event, traceparent }) => toAction(event, traceparent))),
  onGivingUp: (error) => fail(log, 'CONSUMING_ENDED', `consuming has ended: ${error.message}`),
});
stopOnSignal(
  log,
  async () => {
    await consumer.stop();
    await dispatcher.stop(10_000);
    await settler.stop(3000);
    await Promise.all([client.close(), pool.end()]);
    for (const stop of [targets.stop, stopPurge, stopMetrics]) stop();
  },
  undefined,
  tracing?.stop,
);
