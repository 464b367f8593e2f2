import type { Pool } from 'pg';
import { restartFailed, dropSlot, type Tools } from './repairs.ts';

/** Rows of one transaction. */
const CHUNK = 500;

/**
 * What Kafka counts beside key, value and the values of the headers: batch and record header at their largest (82),
 * the names of four headers (24), the id (36) and their lengths (50).
 */
const RECORD_ROOM = 192;

const SIZE = `octet_length(payload) + octet_length(aggregateid) + octet_length(type)
  + octet_length(coalesce(traceparent, '')) + octet_length(resends::text) + ${RECORD_ROOM}`;

/**
 * After a limit was lowered: one row that Kafka refuses stops all others, for good. The rows above the limit go to
 * outbox_dead; as the WAL still holds them the slot is dropped, so that everything else is published from the table.
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
  return `${ids.length} rows larger than ${limit} bytes were moved to outbox_dead (${shown}), ${slot}, what had failed was restarted`;
}

async function bury(pool: Pool, limit: number): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`SELECT id FROM zap_run_outbox WHERE ${SIZE} > $1 ORDER BY seq`, [limit]);
  const ids = rows.map(({ id }) => id);
  for (let from = 0; from < ids.length; from += CHUNK) {
    await pool.query('SELECT outbox_bury($1::uuid[], $2, $3)', [
      ids.slice(from, from + CHUNK),
      'TOO_LARGE',
      `Kafka takes records up to ${limit} bytes`,
    ]);
  }
  return ids;
}
