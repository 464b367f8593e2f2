import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** A record that was read back from the topic. */
export interface ReadBack {
  /** The header `id`; undefined when it is missing or not a UUID. */
  id: string | undefined;
  value: Buffer | null;
  /** The key, and the headers made from columns of the row; undefined where the record has none. */
  key: Header;
  type: Header;
  traceparent: Header;
}

type Usable = ReadBack & { id: string; value: Buffer };
type Header = Buffer | string | (Buffer | string)[] | null | undefined;

export interface Deleted {
  /** The number of deleted rows. Repeats and records without a usable id do not count. */
  rows: number;
  /** The highest `seq` of the deleted rows; 0 when there are none. */
  seq: bigint;
}

// A row is deleted only if the record equals it: the same id, bytes, key (it decides the order) and headers. A record
// that differs deletes nothing, and the row is sent again. The statement waits for locked rows (lock_timeout) and does
// not skip them: the position moves past them, so a skipped row would never be deleted. The ids are passed twice so that
// the planner uses the primary key, whatever its statistics say about a table that is empty and full by turns.
const HASH = `sha256(sha256(o.payload) || convert_to(concat(o.aggregateid, E'\\n', o.type, E'\\n', o.traceparent), 'UTF8'))`;
const DELETE = `
  WITH gone AS (
    DELETE FROM zap_run_outbox AS o USING unnest($1::uuid[], $2::bytea[]) AS x (id, hash)
    WHERE o.id = ANY ($1) AND o.id = x.id AND ${HASH} = x.hash
    RETURNING o.seq
  )
  SELECT count(*)::int AS rows, coalesce(max(seq), 0) AS seq FROM gone`;
const COUNT = `
  SELECT count(*)::int AS rows, 0 AS seq FROM zap_run_outbox AS o JOIN unnest($1::uuid[], $2::bytea[]) AS x (id, hash)
  ON o.id = x.id AND ${HASH} = x.hash`;

/**
 * Deletes the rows whose events these records are. Deleting again is harmless.
 *
 * @param dryRun counts the rows instead of deleting them
 */
export async function deleteRows(pool: Pool, records: readonly ReadBack[], dryRun = false): Promise<Deleted> {
  const usable = records.filter((record): record is Usable => record.id !== undefined && record.value !== null);
  if (usable.length === 0) return { rows: 0, seq: 0n };
  const { rows } = await pool.query<{ rows: number; seq: string }>({
    name: dryRun ? 'find-rows' : 'delete-rows',
    text: dryRun ? COUNT : DELETE,
    values: [usable.map(({ id }) => id), usable.map(hashOf)],
  });
  return { rows: rows[0]?.rows ?? 0, seq: BigInt(rows[0]?.seq ?? 0) };
}

/** The record's counterpart of HASH. A hash, so that no bytes of a header make Postgres refuse the statement. */
function hashOf({ value, key, type, traceparent }: Usable): Buffer {
  const bytes = createHash('sha256').update(value).digest();
  return createHash('sha256')
    .update(bytes)
    .update(`${text(key)}\n${text(type)}\n${text(traceparent)}`)
    .digest();
}

/** A missing or null header matches a NULL column. A repeated header matches no row. */
const text = (header: Header): string => (Array.isArray(header) ? '\n\n' : (header?.toString() ?? ''));
