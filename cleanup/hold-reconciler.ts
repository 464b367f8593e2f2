import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';

/** Any number; the same for all copies. */
const LOCK = 7_231_004;
/** How often the holder proves that its connection is alive, and when Postgres frees the lock of a dead one. */
const BEAT_MS = 10_000;
const SILENT_MS = 60_000;

interface Holding {
  pool: Pool;
  everyMs: number;
  signal: AbortSignal;
  /** @param held false once the lock is lost */
  round: (held: () => boolean) => Promise<void>;
  log: Logger;
}

/** One copy reconciles: the holder of the advisory lock. The lock ends with the connection, so also with a crash. */
export async function holdReconciler({ pool, everyMs, signal, round, log }: Holding): Promise<void> {
  const pause = () => delay(everyMs, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    await pause();
    try {
      const client = await pool.connect();
      const lost = new AbortController();
      client.on('error', () => lost.abort());
      const held = () => !lost.signal.aborted && !signal.aborted;
      // A connection that dies silently raises no error anywhere: without this the lock would stay held.
      const beat = setInterval(() => void client.query('SELECT').catch(() => lost.abort()), BEAT_MS);
      try {
        await client.query(`SET idle_session_timeout = ${SILENT_MS}`);
        const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [LOCK]);
        while (rows[0]?.mine === true && held()) {
          await round(held);
          await pause();
        }
      } finally {
        clearInterval(beat);
        client.release(true);
      }
    } catch (error) {
      log.warn({ cause: String(error) }, 'the reconciler could not finish its round');
    }
  }
}
