import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** A record as it was read back from the topic. */
export interface ReadBack {
  /** The header `id`; undefined when it is missing or no UUID. */
  id: string | undefined;
  value: Buffer | null;
  /** Its key, and the headers that are made from columns of the row; undefined where there is none. */
  key: Header;
  type: Header;
  traceparent: Header;
}

type Usable = ReadBack & { id: string; value: Buffer };
type Header = Buffer | string | (Buffer | string)[] | null | undefined;

export interface Deleted {
  /** Records without a row (a repeat) and without a usable id count for nothing. */
  rows: number;
  /** The highest `seq` of them; 0 when none went. */
  seq: bigint;
}

// The row goes only if the record is what the row has to become: the same id, bytes, key (it decides about the order)
// and headers. A record that differs in any of them deletes nothing, and the row is sent again. Rows locked by somebody are waited for (lock_timeout) and not skipped: the position
// moves on after this statement, so a skipped row would be passed for good. The ids stand there twice: whatever the
// planner believes of a table that is empty and full by turns, it looks the rows up in the primary key.
const HASH = `sha256(sha256(o.payload) || convert_to(concat(o.aggregateid, E'\\n', o.type, E'\\n', o.traceparent), 'UTF8'))`;
const DELETE = `
  WITH gone AS (
    DELETE FROM zap_run_outbox AS o USING unnest($1::uuid[], $2::bytea[]) AS x (id, hash)
    WHERE o.id = ANY ($1) AND o.id = x.id AND ${HASH} = x.hash
    RETURNING o.seq
  )
  SELECT count(*)::int AS rows, coalesce(max(seq), 0) AS seq FROM gone`;
const LOOK = `
  SELECT count(*)::int AS rows, 0 AS seq FROM zap_run_outbox AS o JOIN unnest($1::uuid[], $2::bytea[]) AS x (id, hash)
  ON o.id = x.id AND ${HASH} = x.hash`;

/**
 * Deletes the rows whose events these records are. Deleting again is harmless.
 *
 * @param dryRun only counts them
 */
export async function deleteRows(pool: Pool, records: readonly ReadBack[], dryRun = false): Promise<Deleted> {
  const usable = records.filter((record): record is Usable => record.id !== undefined && record.value !== null);
  if (usable.length === 0) return { rows: 0, seq: 0n };
  const { rows } = await pool.query<{ rows: number; seq: string }>({
    name: dryRun ? 'look-at-rows' : 'delete-rows',
    text: dryRun ? LOOK : DELETE,
    values: [usable.map(({ id }) => id), usable.map(hashOf)],
  });
  return { rows: rows[0]?.rows ?? 0, seq: BigInt(rows[0]?.seq ?? 0) };
}

/** What HASH is of the row. As a hash, so that no header, whatever its bytes, makes Postgres refuse the statement. */
function hashOf({ value, key, type, traceparent }: Usable): Buffer {
  const bytes = createHash('sha256').update(value).digest();
  return createHash('sha256')
    .update(bytes)
    .update(`${text(key)}\n${text(type)}\n${text(traceparent)}`)
    .digest();
}

/** A header that is missing or null is the column's NULL; one that is there twice is nobody's. */
const text = (header: Header): string => (Array.isArray(header) ? '\n\n' : (header?.toString() ?? ''));
