import type { Pool } from 'pg';
import { IngestError } from './errors.ts';

/** A run and its event, ready to be written. */
export interface RunEvent {
  id: string;
  userId: string;
  zapId: string;
  /** Exact JSON text. */
  metadata: string;
  headers: Record<string, string>;
  receivedAt: Date;
  traceparent: string | null;
  schemaId: number;
  /** The finished record value. */
  payload: Buffer;
}

/** Resolves once the run and its event are committed together; rejects with an IngestError. */
export type RecordEvent = (event: RunEvent) => Promise<void>;

// Both tables in one statement: atomic by construction and one round trip. It is never an interactive transaction:
// those can send a statement after a ROLLBACK (prisma/orm#29762), which would commit one half of the pair.
// The second insert takes what the first returned, so there is no event without its run.
const INSERT = `
  WITH event AS (
    SELECT * FROM unnest(
      $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::int[], $9::bytea[]
    ) WITH ORDINALITY AS e (id, user_id, zap_id, metadata, headers, received_at, traceparent, schema_id, payload, position)
  ), run AS (
    INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, traceparent, schema_id)
    SELECT id, user_id, zap_id, metadata::json, headers::json, received_at, traceparent, schema_id FROM event
    RETURNING id
  )
  INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT id, 'zap-run', user_id || '/' || zap_id, 'ZapRunCreated', payload, traceparent
  FROM event JOIN run USING (id) ORDER BY position`;

/** More members make a statement slower for all of them, fewer cost a commit each. */
const MAX_GROUP = 256;
/** While one group waits for its commit, the next is sent. More in flight only makes the groups smaller. */
const GROUPS_IN_FLIGHT = 2;

interface Member {
  event: RunEvent;
  resolve: () => void;
  reject: (error: IngestError) => void;
}

/**
 * Writes events in groups: while a group is in flight, the next one gathers. There is no timer, so a lone request is
 * written at once.
 *
 * @param queueLimit how many may wait; beyond it a request is refused at once with `overloaded`
 */
export function createRecorder(pool: Pool, queueLimit: number): RecordEvent {
  const waiting: Member[] = [];
  let inFlight = 0;

  function writeNext(): void {
    if (inFlight >= GROUPS_IN_FLIGHT || waiting.length === 0) return;
    const group = waiting.splice(0, MAX_GROUP);
    inFlight += 1;
    void write(pool, group).finally(() => {
      inFlight -= 1;
      writeNext();
    });
  }

  return (event) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= queueLimit) {
        reject(new IngestError('overloaded', 'Too many requests are waiting. Try again.'));
        return;
      }
      waiting.push({ event, resolve, reject });
      // After the requests that arrived in the same turn have joined the group.
      setImmediate(writeNext);
    });
}

async function write(pool: Pool, group: Member[]): Promise<void> {
  try {
    await insert(
      pool,
      group.map(({ event }) => event),
    );
    for (const { resolve } of group) resolve();
  } catch (error) {
    if (!isFaultOfARow(error)) {
      const failure = new IngestError('database_unavailable', 'The webhook could not be stored. Try again.', error);
      for (const { reject } of group) reject(failure);
    } else if (group.length > 1) {
      // One row is to blame and Postgres took none: each alone, so that only that one fails.
      for (const member of group) await write(pool, [member]);
    } else {
      group[0]?.reject(new IngestError('write_refused', 'The webhook was refused by the database.', error));
    }
  }
}

async function insert(pool: Pool, events: RunEvent[]): Promise<void> {
  const column = <T>(pick: (event: RunEvent) => T) => events.map(pick);
  const { rowCount } = await pool.query({
    name: 'record-events', // Named, so that Postgres parses it once per connection.
    text: INSERT,
    values: [
      column(({ id }) => id),
      column(({ userId }) => userId),
      column(({ zapId }) => zapId),
      column(({ metadata }) => metadata),
      column(({ headers }) => JSON.stringify(headers)),
      column(({ receivedAt }) => receivedAt.toISOString()),
      column(({ traceparent }) => traceparent),
      column(({ schemaId }) => schemaId),
      column(({ payload }) => payload),
    ],
  });
  if (rowCount !== events.length) throw new Error(`${events.length} events were sent and ${rowCount} were written`);
}

/** SQLSTATE class 22 (data exception) or 23 (constraint violation): the server refused a row, and the statement with it. */
function isFaultOfARow(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}
