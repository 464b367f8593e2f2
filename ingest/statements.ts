import type pg from 'pg';
import type { RunEvent } from './webhook.ts';

export type Queryable = Pick<pg.ClientBase, 'query'>;

// Both tables in one statement: atomic by construction and one round trip. It is never an interactive transaction:
// those can send a statement after a ROLLBACK (prisma/orm#29762), which would commit one half of the pair.
// The second insert takes what the first returned, so there is no event without its run, and none for a repeat.
const EVENT = `
  event AS (
    SELECT * FROM unnest(
      $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::int[], $10::int[], $11::int[]
    ) WITH ORDINALITY AS e (id, user_id, zap_id, idempotency_key, metadata, headers, received_at, traceparent, schema_id, starts, bytes, position)
  )`;
const INSERT_RUN = `
    INSERT INTO zap_run (id, user_id, zap_id, idempotency_key, metadata, headers, received_at, traceparent, schema_id)
    SELECT id, user_id, zap_id, idempotency_key, metadata::json, headers::json, received_at, traceparent, schema_id
    FROM event`;
const INSERT_EVENT = `
  INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT id, 'zap-run', user_id || '/' || zap_id, 'ZapRunCreated', substring($12::bytea FROM starts FOR bytes), traceparent
  FROM event JOIN run USING (id) ORDER BY position`;
const INSERT = {
  name: 'record-events', // Named, so that Postgres parses it once per connection.
  text: `WITH ${EVENT}, run AS (${INSERT_RUN} ORDER BY position ON CONFLICT DO NOTHING RETURNING id) ${INSERT_EVENT}`,
};
// All or none: the followers are written only if their head was. A conflict of a follower fails the statement.
const INSERT_BATCH = {
  name: 'record-batch',
  text: `
  WITH ${EVENT}, head AS (${INSERT_RUN} WHERE position = 1 ON CONFLICT DO NOTHING RETURNING id),
  follower AS (${INSERT_RUN} WHERE position > 1 AND EXISTS (SELECT FROM head) ORDER BY position RETURNING id),
  run AS (SELECT id FROM head UNION ALL SELECT id FROM follower) ${INSERT_EVENT}`,
};

// The run that stands for an event that was not inserted: its own, when an earlier attempt had been stored after all,
// else the first of its key. LATERAL with LIMIT, so that each is one probe of an index however large the archive is.
const FIND = `
  SELECT event.position::int, run.id, run.same
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS event (id, user_id, zap_id, idempotency_key, metadata, position)
  CROSS JOIN LATERAL (
    SELECT r.id, true AS same FROM zap_run r WHERE r.id = event.id
    UNION ALL
    SELECT r.id, r.metadata::text = event.metadata FROM zap_run r
    WHERE r.user_id = event.user_id AND r.zap_id = event.zap_id AND r.idempotency_key = event.idempotency_key
    LIMIT 1
  ) run`;

/** @returns how many were written: all, or, without a batch, all but repeats */
export async function insert(client: Queryable, events: readonly RunEvent[], isBatch: boolean): Promise<number> {
  const column = <T>(pick: (event: RunEvent) => T) => events.map(pick);
  let end = 0;
  const { rowCount } = await client.query({
    ...(isBatch ? INSERT_BATCH : INSERT),
    values: [
      column(({ id }) => id),
      column(({ userId }) => userId),
      column(({ zapId }) => zapId),
      column(({ idempotencyKey }) => idempotencyKey),
      column(({ metadata }) => metadata),
      column(({ headers }) => JSON.stringify(headers)),
      column(({ receivedAt }) => receivedAt.toISOString()),
      column(({ traceparent }) => traceparent),
      column(({ schemaId }) => schemaId),
      column(({ payload }) => (end += payload.length) - payload.length + 1),
      column(({ payload }) => payload.length),
      // One Buffer for all: pg sends a Buffer unchanged, but an array of them as escaped text, twice as long.
      Buffer.concat(column(({ payload }) => payload)),
    ],
  });
  return rowCount ?? 0;
}

export interface First {
  id: string;
  /** Whether its metadata has exactly the same text. */
  same: boolean;
}

/** The stored runs of these events; undefined for an event without one. */
export async function find(client: Queryable, events: readonly RunEvent[]): Promise<(First | undefined)[]> {
  const { rows } = await client.query<First & { position: number }>({
    name: 'find-runs',
    text: FIND,
    values: [
      events.map(({ id }) => id),
      events.map(({ userId }) => userId),
      events.map(({ zapId }) => zapId),
      events.map(({ idempotencyKey }) => idempotencyKey),
      events.map(({ metadata }) => metadata),
    ],
  });
  const found = new Map(rows.map(({ position, ...first }) => [position - 1, first]));
  return events.map((_event, index) => found.get(index));
}
