import { EVENT_TOPIC } from '../contract/names.ts';
import { createAlarm, createMetrics, serveMetrics } from '../kit/metrics.ts';
import { openPool } from '../kit/postgres.ts';
import { fail, startService, stopOnSignal } from '../kit/process.ts';
import { settings } from './config.ts';
import { openKafka } from './kafka.ts';
import { createCleanupMetrics } from './observe.ts';
import { runCleanup } from './service.ts';

const { log, config } = startService('cleanup', settings, process.env);

const pool = openPool(
  config.DATABASE_URL,
  {
    max: 4,
    // Deleting 2,000 rows takes milliseconds; sending 10,000 again takes seconds.
    statementMs: 10_000,
    lockMs: 1000,
    // A plan made for an empty table must not be reused for a full one.
    options: '-c enable_seqscan=off -c plan_cache_mode=force_custom_plan',
  },
  log,
);

const registry = createMetrics();
const alarm = createAlarm(registry, log);
let unready = (): string | undefined => 'starting';
const stopMetrics = await serveMetrics(registry, config, log, () => unready());
const kafka = await openKafka({
  settings: config,
  log,
  topic: EVENT_TOPIC,
  // A dry run must not take partitions from a real cleanup.
  group: config.DRY_RUN ? `${config.CLEANUP_GROUP}-dry-run` : config.CLEANUP_GROUP,
  ackGroups: config.ACK_GROUPS,
});

const stopping = new AbortController();
const cleanup = runCleanup(
  {
    config,
    topic: EVENT_TOPIC,
    pool,
    kafka,
    metrics: createCleanupMetrics(registry),
    alarm,
    log,
    giveUp: (reason) => {
      alarm('CLEANUP_STALLED', reason);
      fail(log, 'CLEANUP_STALLED', 'the process ends, to be restarted');
    },
  },
  stopping.signal,
);
unready = cleanup.unready;
stopOnSignal(log, async () => {
  stopping.abort();
  await cleanup.done;
  stopMetrics();
  await Promise.all([kafka.disconnect(), pool.end()]);
});
