import type { Pool } from 'pg';
import type { EventSchema } from '../contract/event.ts';
import { schemaReader } from './schemas.ts';

/** Selects runs of the archive. */
export interface Selection {
  zap?: { userId: string; zapId: string } | undefined;
  /** Only this run. */
  id?: string | undefined;
  since: Date;
  /** The end of the time range, exclusive. */
  until: Date;
}

/** The columns of a run that its event is made of. */
export interface RunRow {
  id: string;
  user_id: string;
  zap_id: string;
  metadata: string;
  headers: string;
  received_at: Date;
  schema_id: number;
}

/** A run's event as ingest wrote it. */
export interface Event {
  id: string;
  payload: Buffer;
}

/** The columns of RunRow. */
export const RUN_COLUMNS = 'id, user_id, zap_id, metadata::text AS metadata, headers::text AS headers, received_at, schema_id';

/** Runs of up to 900 KB each are in memory at once. */
const BATCH_ROWS = 100;

// Ids are UUIDv7: their first bits are their time, just before received_at. So the primary key finds the start of the
// range, without an index on received_at.
const RUNS = `
  SELECT ${RUN_COLUMNS}
    FROM zap_run
   WHERE id > $1 AND received_at >= $2 AND received_at < $3 AND ($4::text IS NULL OR (user_id = $4 AND zap_id = $5))
     AND ($6::uuid IS NULL OR id = $6)
   ORDER BY id LIMIT ${BATCH_ROWS}`;

/** The lowest UUIDv7 of a moment. */
export function firstIdAt(moment: Date): string {
  const hex = Math.max(0, moment.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** How much earlier than received_at the time of an id may be, for a delay or a clock that was set back. */
export const ID_SLACK_MS = 300_000;

/**
 * The events of the selected runs in the order of their ids, in batches, encoded with the schema that each run had.
 *
 * @throws OperateError SCHEMA_UNKNOWN when event_schema does not have a run's schema
 */
export async function* eventsOf(pool: Pool, { zap, id, since, until }: Selection): AsyncGenerator<Event[]> {
  const schemaOf = schemaReader(pool);
  // The query takes ids greater than `after`, so it starts just below the wanted id.
  let after = id === undefined ? firstIdAt(new Date(since.getTime() - ID_SLACK_MS)) : '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await pool.query<RunRow>(RUNS, [after, since, until, zap?.userId ?? null, zap?.zapId ?? null, id ?? null]);
    const events: Event[] = [];
    for (const row of rows) events.push({ id: row.id, payload: encodeRun(await schemaOf(row.schema_id), row) });
    if (events.length > 0) yield events;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < BATCH_ROWS) return;
  }
}

/** The event of a run, as ingest wrote it. @param schema the one that the run was written with */
export function encodeRun(schema: EventSchema, row: Omit<RunRow, 'schema_id'>): Buffer {
  return schema.encode(row.id, row.received_at, {
    userId: row.user_id,
    zapId: row.zap_id,
    metadata: row.metadata,
    headers: JSON.parse(row.headers) as Record<string, string>,
  });
}
