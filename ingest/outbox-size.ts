import type { Pool } from 'pg';
import type { Logger } from 'pino';

/** How often the size is read. In ten seconds a full machine writes some hundred MB, a hundredth of the limit. */
const READ_EVERY_MS = 5000;

/**
 * Reads the size of the outbox on disk at intervals, never in a request. While it cannot be read, the last size is used:
 * then nothing can be written either.
 */
export function watchOutboxSize(pool: Pool, log: Logger): { bytes: () => number; stop: () => void } {
  let bytes = 0;
  const read = async () => {
    try {
      const { rows } = await pool.query<{ bytes: string }>(`SELECT pg_total_relation_size('zap_run_outbox') AS bytes`);
      bytes = Number(rows[0]?.bytes);
    } catch (error) {
      log.warn({ cause: error instanceof Error ? error.message : error }, 'the size of the outbox cannot be read');
    }
  };
  void read();
  const timer = setInterval(() => void read(), READ_EVERY_MS);
  return { bytes: () => bytes, stop: () => clearInterval(timer) };
}
