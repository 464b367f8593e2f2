import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';

/** How often old runs are purged. Their age is counted in days, so a minute is often enough. */
const EVERY_MS = 60_000;
/** Runs per transaction. Even with the largest bodies the statement stays within the pool's bound. */
const BATCH = 500;
/** The pause between two batches, which leaves Postgres to incoming webhooks. */
const PAUSE_MS = 20;
const FIRST = '00000000-0000-0000-0000-000000000000';

/**
 * Deletes runs older than `days`, batch by batch. A run whose event waits in the outbox, or is buried, stays until a
 * later round.
 *
 * @param days how long a run is kept; at least 1
 * @returns how many runs were deleted
 */
export async function purgeRuns(pool: Pool, days: number, signal: AbortSignal, onPurged: (runs: number) => void): Promise<number> {
  let gone = 0;
  let after = FIRST;
  while (!signal.aborted) {
    const { rows } = await pool.query<{ purged: number; seen: number; last: string | null }>(
      'SELECT purged, seen, last FROM outbox_purge_runs($1, $2, $3)',
      [days, after, BATCH],
    );
    const { purged = 0, seen = 0, last = null } = rows[0] ?? {};
    onPurged(purged);
    gone += purged;
    if (seen < BATCH || last === null) break;
    after = last;
    await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return gone;
}

/** Purges now and every minute until the signal. Several copies may purge at once: none waits for another. */
export async function purgeForever(
  { pool, days, log }: { pool: Pool; days: number; log: Logger },
  signal: AbortSignal,
  onPurged: (runs: number) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const runs = await purgeRuns(pool, days, signal, onPurged);
      if (runs > 0) log.info({ runs, keepDays: days }, 'purged runs older than RUN_KEEP_DAYS');
    } catch (error) {
      log.warn({ cause: String(error) }, 'old runs cannot be purged');
    }
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
