import type { Pool } from 'pg';
import { restartFailed, dropSlot, type Tools } from './repairs.ts';

/** Rows of one transaction. */
const CHUNK = 500;

/**
 * The bytes of a record besides key, value and header values: batch and record header at their largest (82), the names
 * of four headers (24), the id (36) and their lengths (50).
 */
const RECORD_ROOM = 192;

const SIZE = `octet_length(payload) + octet_length(aggregateid) + octet_length(type)
  + octet_length(coalesce(traceparent, '')) + octet_length(resends::text) + ${RECORD_ROOM}`;

/**
 * Repairs a lowered limit: one row that Kafka refuses blocks all others. The rows above the limit move to outbox_dead.
 * The WAL still holds them, so the slot is dropped too, and everything else is published from the table.
 *
 * @returns what was done, for the log
 */
export async function buryTooLarge(tools: Tools): Promise<string> {
  const limit = await tools.recordLimit();
  const ids = await bury(tools.pool, limit);
  if (ids.length === 0) return `no row is larger than ${limit} bytes; ${await restartFailed(tools)}`;
  const slot = await dropSlot(tools);
  await restartFailed(tools);
  const shown = `${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ', …' : ''}`;
  return `${ids.length} rows larger than ${limit} bytes were moved to outbox_dead (${shown}), ${slot}, the failed parts were restarted`;
}

async function bury(pool: Pool, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`SELECT id FROM zap_run_outbox WHERE ${SIZE} > $1 ORDER BY seq`, [limit]);
  const ids = rows.map(({ id }) => id);
  for (let from = 0; from < ids.length; from += CHUNK) {
    await pool.query('SELECT outbox_bury($1::uuid[], $2, $3)', [
      ids.slice(from, from + CHUNK),
      'TOO_LARGE',
      `Kafka accepts records up to ${limit} bytes`,
    ]);
  }
  return ids;
}
