import { setTimeout as delay } from 'node:timers/promises';
import { createMetrics, serveMetrics } from '../kit/metrics.ts';
import { openPool } from '../kit/postgres.ts';
import { watchProgress } from '../kit/stall.ts';
import { fail, startService, stopOnSignal } from '../kit/process.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { settings } from './config.ts';
import { createWatches } from './watches.ts';

// The watchdog. One copy runs beside Connect and repairs what Connect and Debezium do not repair themselves.

/** After a repair the next round comes sooner, as a repair often uncovers the next fault. */
const AFTER_REPAIR_MS = 1000;

/** Longer than all timeouts of a round and its repair together. */
const STALL_SECONDS = 180;
const UNREADY_SECONDS = 60;

const { log, config } = startService('watch', settings, process.env);

const pool = openPool(config.DATABASE_URL, { max: 4, statementMs: 10_000 }, log);
/** A round does not wait longer than this for Connect. */
const FACTS_TIMEOUT_MS = 3000;
const connectForFacts = new ConnectApi(config, FACTS_TIMEOUT_MS);

const registry = createMetrics();
const watchOnce = createWatches({ config, pool, connect: new ConnectApi(config), connectForFacts, registry, log });
const progress = watchProgress(STALL_SECONDS, (seconds) => fail(log, 'WATCH_STALLED', `a round has not ended for ${seconds} s`));
const unready = () => (progress.ago() > UNREADY_SECONDS ? `the last round ended ${Math.round(progress.ago())} s ago` : undefined);
const stopMetrics = await serveMetrics(registry, config, log, unready);

async function watchUntil(stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const acted = await watchOnce();
    progress.made();
    const waitMs = acted ? Math.min(AFTER_REPAIR_MS, config.WATCH_EVERY_MS) : config.WATCH_EVERY_MS;
    await delay(waitMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

const stopping = new AbortController();
const watching = watchUntil(stopping.signal);
stopOnSignal(log, async () => {
  stopping.abort();
  await watching;
  progress.stop();
  stopMetrics();
  await pool.end();
});
