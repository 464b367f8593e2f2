import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { pino } from 'pino';
import { loggable, settingsOrExit } from '../settings.ts';
import { createCapReader } from './acknowledged.ts';
import { settings } from './config.ts';
import { deleteRows } from './delete-rows.ts';
import { followTopic } from './follow-topic.ts';

const TOPIC = 'zap-run.events';

const log = pino({ name: 'cleanup' });
const config = settingsOrExit(settings, process.env);
log.info(loggable(settings, config), 'starting');

const pool = new pg.Pool({ connectionString: config.DATABASE_URL, max: 2, keepAlive: true, lock_timeout: 1000 });
pool.on('error', (error) => log.warn({ cause: error.message }, 'idle connection lost'));

const kafka = new Kafka({ clientId: 'outbox-cleanup', brokers: config.KAFKA_BROKERS, logLevel: logLevel.WARN });
const admin = kafka.admin();
// A partition that is resumed joins the next fetch: the wait of an idle one is how late its rows are deleted.
const consumer = kafka.consumer({ groupId: config.CLEANUP_GROUP, readUncommitted: false, maxWaitTimeInMs: 250, retry: { retries: 20 } });
// kafkajs stops consuming for good after an error that it takes for final, and the process would live on idle.
consumer.on(consumer.events.CRASH, ({ payload }) => {
  log.error({ cause: payload.error.message, restart: payload.restart }, 'consumer failed');
  if (!payload.restart) process.exit(1);
});

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

await Promise.all([admin.connect(), consumer.connect()]);
const refresh = await followTopic({
  consumer,
  topic: TOPIC,
  readCaps: createCapReader(admin, TOPIC, config.ACK_GROUPS, config.GRACE_SECONDS * 1000),
  deleteRows: (records) => deleteRows(pool, records),
  log,
});
while (!stopping.signal.aborted) {
  // Without fresh caps the old ones hold: too low is safe.
  await refresh().catch((error: unknown) => log.warn({ cause: String(error) }, 'positions cannot be read'));
  await delay(config.CAP_REFRESH_MS);
}
await consumer.disconnect();
await Promise.all([admin.disconnect(), pool.end()]);
log.info('stopped');
