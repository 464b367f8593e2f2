import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { IngestError } from './errors.ts';
import { noAnswer, type Member, type Recorded, type RunEvent } from './record-event.ts';

// Both tables in one statement: atomic by construction and one round trip. It is never an interactive transaction:
// those can send a statement after a ROLLBACK (prisma/orm#29762), which would commit one half of the pair.
// The second insert takes what the first returned, so there is no event without its run, and none for a repeat.
const INSERT = `
  WITH event AS (
    SELECT * FROM unnest(
      $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::int[], $10::int[], $11::int[]
    ) WITH ORDINALITY AS e (id, user_id, zap_id, idempotency_key, metadata, headers, received_at, traceparent, schema_id, starts, bytes, position)
  ), run AS (
    INSERT INTO zap_run (id, user_id, zap_id, idempotency_key, metadata, headers, received_at, traceparent, schema_id)
    SELECT id, user_id, zap_id, idempotency_key, metadata::json, headers::json, received_at, traceparent, schema_id
    FROM event ORDER BY position
    ON CONFLICT DO NOTHING
    RETURNING id
  )
  INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload, traceparent)
  SELECT id, 'zap-run', user_id || '/' || zap_id, 'ZapRunCreated', substring($12::bytea FROM starts FOR bytes), traceparent
  FROM event JOIN run USING (id) ORDER BY position`;

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

const PAUSE_MS = 100;

type Queryable = Pick<pg.ClientBase, 'query'>;

/** What came of a group. */
export interface Written {
  /** How long its latest commit took; undefined without one. */
  commitMs: number | undefined;
  /** Whether Postgres answered, be it by refusing a row. */
  answered: boolean;
}

/**
 * Writes a group and settles its members. Never rejects.
 *
 * Whatever made an attempt fail without the server's word for it (a lost connection, no answer), the same rows with the
 * same ids are sent again on a new connection. That is safe although the old backend may still be at work, even before
 * its insert or between insert and COMMIT: both attempts meet at the primary key of `zap_run`. The later insert waits
 * for the earlier transaction, then does nothing if that one committed; so there is one run and one event, and looking
 * first would add nothing. Only what cannot be told in time is answered with `outcome_unknown`.
 */
export async function writeGroup(pool: pg.Pool, group: Member[], resent = false): Promise<Written> {
  // In the order of their keys: two groups that hold the same keys wait for each other instead of deadlocking.
  let members = group.some(hasKey) ? group.toSorted(byKey) : group;
  const until = Math.max(...group.map(({ deadline }) => deadline));
  let lost = resent;
  let cause: unknown;
  while (performance.now() < until) {
    let connection: Connection;
    try {
      connection = lost ? await connectAnew(pool, until) : await connectFrom(pool);
    } catch (error) {
      cause = error;
      await delay(PAUSE_MS);
      continue;
    }
    // Who was told that nothing is stored must not be stored now.
    const now = performance.now();
    for (const { sent, deadline, reject } of members) if (!sent && deadline <= now) reject(noAnswer(false, cause));
    members = members.filter(({ sent, deadline }) => sent || deadline > now);
    try {
      const commitMs = members.length > 0 ? await attempt(connection.client, members, lost) : undefined;
      connection.close();
      return { commitMs, answered: commitMs !== undefined };
    } catch (error) {
      cause = error;
      const verdict = verdictOf(error);
      connection.close(verdict === 'unknown' ? (error as Error) : undefined);
      if (verdict === 'row') return tryApart(pool, members, lost, error);
      if (verdict === 'refused') break;
      lost ||= verdict === 'unknown';
      if (!lost) for (const member of members) member.sent = false;
    }
  }
  for (const { reject } of members) reject(noAnswer(lost, cause));
  return { commitMs: undefined, answered: false };
}

/**
 * Throws unless every member was settled.
 *
 * @returns how long the commit took
 */
async function attempt(client: Queryable, members: Member[], resent: boolean): Promise<number> {
  for (const member of members) member.sent = true;
  const began = performance.now();
  const { rowCount } = await insert(client, members);
  const commitMs = performance.now() - began;
  const written = rowCount === members.length;
  for (const member of members) if (written || !(resent || hasKey(member))) member.resolve({ id: member.event.id, repeated: false });
  if (written) return commitMs;
  const open = resent ? members : members.filter(hasKey);
  // The insert is committed: whatever Postgres says about the lookup says nothing about it.
  const found = await find(
    client,
    open.map(({ event }) => event),
  ).catch(async (error: unknown) => {
    await delay(PAUSE_MS);
    throw new Error('committed, but the lookup failed', { cause: error });
  });
  for (const [index, { event, resolve, reject }] of open.entries()) {
    const first = found[index];
    if (first === undefined) throw new Error('a run was neither written nor found');
    if (first.same) resolve({ id: first.id, repeated: first.id !== event.id });
    else reject(keyConflict());
  }
  return commitMs;
}

/** A row is to blame and Postgres took none: halves, and halves of these, until it fails alone. */
async function tryApart(pool: pg.Pool, members: Member[], resent: boolean, error: unknown): Promise<Written> {
  if (members.length === 1) {
    members[0]?.reject(new IngestError('write_refused', 'The webhook was refused by the database.', error));
    return { commitMs: undefined, answered: true };
  }
  if (!resent) for (const member of members) member.sent = false;
  const half = members.length >> 1;
  const halves = await Promise.all([writeGroup(pool, members.slice(0, half), resent), writeGroup(pool, members.slice(half), resent)]);
  const commits = halves.flatMap(({ commitMs = [] }) => commitMs);
  return { commitMs: commits.length > 0 ? Math.max(...commits) : undefined, answered: halves.some(({ answered }) => answered) };
}

/**
 * What is known after an error. Only what the server reports about the statement itself says that nothing was stored:
 * shutdown, a crash or a full disk may come after COMMIT as well.
 */
export function verdictOf(error: unknown): 'row' | 'again' | 'refused' | 'unknown' {
  const code = (error as { code?: unknown }).code;
  if (!(error instanceof pg.DatabaseError) || typeof code !== 'string') return 'unknown';
  if (/^2[23]/.test(code)) return 'row'; // Data exception, constraint violation.
  if (code === '40001' || code === '40P01') return 'again'; // Serialization failure, deadlock.
  if (/^(25|42|54)/.test(code) || code === '57014' || code === '55P03') return 'refused'; // State, rights, limits, timeouts.
  return 'unknown';
}

interface Connection {
  client: Queryable;
  close: (error?: Error) => void;
}

/** A lost connection fails the query as well; without a listener the event would end the process. */
const queryFailsToo = () => undefined;

async function connectFrom(pool: pg.Pool): Promise<Connection> {
  const client = await pool.connect();
  client.on('error', queryFailsToo);
  const close = (error?: Error) => {
    client.off('error', queryFailsToo);
    client.release(error);
  };
  return { client, close };
}

/** Past the pool, whose idle connections may be as dead as the one that was lost. */
async function connectAnew(pool: pg.Pool, until: number): Promise<Connection> {
  const left = Math.max(1, until - performance.now());
  const client = new pg.Client({ ...pool.options, connectionTimeoutMillis: left, query_timeout: left });
  client.on('error', queryFailsToo);
  const close = () => void client.end().catch(() => undefined);
  try {
    await client.connect();
  } catch (error) {
    close();
    throw error;
  }
  return { client, close };
}

function insert(client: Queryable, members: Member[]): Promise<pg.QueryResult> {
  const column = <T>(pick: (event: RunEvent) => T) => members.map(({ event }) => pick(event));
  let end = 0;
  return client.query({
    name: 'record-events', // Named, so that Postgres parses it once per connection.
    text: INSERT,
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
      // All in one: pg sends a Buffer as it is, an array of them as text, twice as long and escaped.
      Buffer.concat(column(({ payload }) => payload)),
    ],
  });
}

interface First {
  id: string;
  /** Whether its metadata has the very same text. */
  same: boolean;
}

async function find(client: Queryable, events: RunEvent[]): Promise<(First | undefined)[]> {
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

/** The run that an earlier event with this key made. @throws IngestError idempotency_conflict, database_unavailable */
export async function findFirst(pool: pg.Pool, event: RunEvent): Promise<Recorded | undefined> {
  const [first] = await find(pool, [event]).catch((error: unknown) => {
    throw noAnswer(false, error);
  });
  if (first === undefined) return undefined;
  if (!first.same) throw keyConflict();
  return { id: first.id, repeated: true };
}

const hasKey = ({ event }: Member) => event.idempotencyKey !== null;
const keyOf = ({ event }: Member) => `${event.userId}/${event.zapId}/${event.idempotencyKey ?? ''}`;
const byKey = (a: Member, b: Member) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
/** Compared is the stored text of the metadata, so the same JSON written in another way is another body. */
const keyConflict = () => new IngestError('idempotency_conflict', 'This Idempotency-Key came with another body before.');
