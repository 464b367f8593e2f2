import { setTimeout as delay } from 'node:timers/promises';
import { RECONCILE_EVERY_MS } from '../contract/limits.ts';
import { createCleaner, type CleanupDependencies } from './cleaner.ts';
import { createLostRowPolicy } from './lost-rows.ts';
import { holdReconciler } from './hold-reconciler.ts';
import { observeOutbox } from './observe.ts';
import { purgeForever } from './purge.ts';
import { reconcile } from './reconcile.ts';
import { readArrivedSeq, writeReconciler } from './state.ts';

const OBSERVE_EVERY_MS = 10_000;

/**
 * Deletes, reconciles and measures concurrently until the signal.
 *
 * @returns unready: why nothing is deleted at the moment; done: resolves after the signal
 */
export function runCleanup(
  dependencies: CleanupDependencies,
  signal: AbortSignal,
): { unready: () => string | undefined; done: Promise<void> } {
  const cleaner = createCleaner(dependencies);

  async function every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await work();
      await delay(ms, undefined, { signal }).catch(() => undefined);
    }
  }

  const { config, pool, metrics, log } = dependencies;
  const loops = [
    every(config.CAP_REFRESH_MS, cleaner.refresh).then(cleaner.stop),
    every(OBSERVE_EVERY_MS, () =>
      observeOutbox(metrics, pool).catch((error: unknown) => log.warn({ cause: String(error) }, 'the outbox cannot be measured')),
    ),
    // A dry run deletes nothing, so its reconciler would take every row for lost.
    config.DRY_RUN ? Promise.resolve() : reconcileForever(dependencies, cleaner.isHalted, signal),
    config.DRY_RUN || config.RUN_KEEP_DAYS === undefined
      ? Promise.resolve()
      : purgeForever({ pool, days: config.RUN_KEEP_DAYS, log }, signal, (runs) => metrics.purged.inc(runs)),
  ];
  return { unready: cleaner.unready, done: Promise.all(loops).then(() => undefined) };
}

function reconcileForever(
  { config, topic, pool, kafka, metrics, alarm, log }: CleanupDependencies,
  isHalted: () => boolean,
  signal: AbortSignal,
) {
  const decide = createLostRowPolicy();
  return holdReconciler({
    pool,
    everyMs: Math.min(RECONCILE_EVERY_MS, config.RESEND_AFTER_SECONDS * 500),
    signal,
    log,
    round: (held) =>
      reconcile({
        pool,
        readSnapshot: kafka.readSnapshot,
        decide,
        arrivedSeq: () => readArrivedSeq(pool, topic),
        afterSeconds: config.RESEND_AFTER_SECONDS,
        say: (code, text) => writeReconciler(pool, topic, code, text),
        mayGoOn: () => held() && !isHalted(),
        alarm,
        log,
        onMoved: (resent, buried) => {
          metrics.resent.inc(resent);
          metrics.buried.inc(buried);
        },
      }),
  });
}
