import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** A record as it was read back from the topic. */
export interface ReadBack {
  /** The header `id`; undefined when it is missing or no UUID. */
  id: string | undefined;
  value: Buffer | null;
}

// The row goes only if it has the record's id and the record's bytes: a record that carries somebody else's id, or
// other bytes, deletes nothing. Rows locked by somebody are waited for (lock_timeout) and not skipped: the position
// moves on after this statement, so a skipped row would be passed for good.
const DELETE = `
  DELETE FROM zap_run_outbox AS o
  USING unnest($1::uuid[], $2::bytea[]) AS x (id, hash)
  WHERE o.id = x.id AND sha256(o.payload) = x.hash`;

/**
 * Deletes the rows whose events these records are. Deleting again is harmless.
 *
 * @returns how many rows went; records without a row (a repeat) and without a usable id count for nothing
 */
export async function deleteRows(pool: Pool, records: readonly ReadBack[]): Promise<number> {
  const known = records.filter((record): record is { id: string; value: Buffer } => record.id !== undefined && record.value !== null);
  if (known.length === 0) return 0;
  const { rowCount } = await pool.query({
    name: 'delete-rows',
    text: DELETE,
    values: [known.map(({ id }) => id), known.map(({ value }) => createHash('sha256').update(value).digest())],
  });
  return rowCount ?? 0;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of a record's header; undefined for anything but one UUID. */
export function parseId(header: Buffer | string | (Buffer | string)[] | undefined): string | undefined {
  if (header === undefined || Array.isArray(header)) return undefined;
  const text = header.toString();
  return UUID.test(text) ? text : undefined;
}
