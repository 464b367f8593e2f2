import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { IngestError } from './errors.ts';
import { noAnswer, type Member } from './member.ts';
import { find, insert, type First, type Queryable } from './statements.ts';
import type { Recorded, RunEvent } from './webhook.ts';

const PAUSE_MS = 100;
const UNIQUE_VIOLATION = '23505';

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
  // A member with followers is alone in its group.
  const isBatch = members[0]?.event.followers !== undefined;
  const count = await insert(client, isBatch ? members.flatMap(eventsOf) : members.map(({ event }) => event), isBatch);
  const commitMs = performance.now() - began;
  const written = isBatch ? count > 0 : count === members.length;
  for (const member of members) if (written || !(resent || hasKey(member))) member.resolve(recordedOf(eventsOf(member), false));
  if (written) return commitMs;
  const open = resent ? members : members.filter(hasKey);
  // The insert is committed: whatever Postgres says about the lookup says nothing about it.
  const found = await find(client, open.flatMap(eventsOf)).catch(async (error: unknown) => {
    await delay(PAUSE_MS);
    throw new Error('committed, but the lookup failed', { cause: error });
  });
  for (const member of open) settle(member, found.splice(0, eventsOf(member).length));
  return commitMs;
}

/** By the runs that were found in place of its own. A batch is a repeat when all of it is. */
function settle(member: Member, found: (First | undefined)[]): void {
  const runs = found.filter((first) => first !== undefined);
  if (runs.length < found.length && found.length === 1) throw new Error('a run was neither written nor found');
  const isRepeat = runs.length === found.length && runs.every(({ same }) => same);
  if (!isRepeat && !(member.event.repeatsAnyBody === true && runs.length > 0)) member.reject(keyConflict());
  else member.resolve(recordedOf(runs, runs[0]?.id !== member.event.id));
}

const eventsOf = ({ event }: Member) => (event.followers === undefined ? [event] : [event, ...event.followers]);

function recordedOf([first, ...followers]: readonly { id: string }[], repeated: boolean): Recorded {
  const id = first?.id ?? '';
  return followers.length === 0 ? { id, repeated } : { id, repeated, followers: followers.map((run) => run.id) };
}

/** A row is to blame and Postgres took none: halves, and halves of these, until it fails alone. */
async function tryApart(pool: pg.Pool, members: Member[], resent: boolean, error: unknown): Promise<Written> {
  if (members.length === 1) {
    // Only the key of a follower fails a statement: it came before, in another request.
    const isKey = (error as { code?: unknown }).code === UNIQUE_VIOLATION;
    members[0]?.reject(isKey ? keyConflict() : new IngestError('write_refused', 'The webhook was refused by the database.', error));
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
function verdictOf(error: unknown): 'row' | 'again' | 'refused' | 'unknown' {
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

/** The run that an earlier event with this key made. @throws IngestError idempotency_conflict, database_unavailable */
export async function findFirst(pool: pg.Pool, event: RunEvent): Promise<Recorded | undefined> {
  const [first] = await find(pool, [event]).catch((error: unknown) => {
    throw noAnswer(false, error);
  });
  if (first === undefined) return undefined;
  if (!first.same && event.repeatsAnyBody !== true) throw keyConflict();
  return { id: first.id, repeated: true };
}

const hasKey = ({ event }: Member) => event.idempotencyKey !== null;
const keyOf = ({ event }: Member) => `${event.userId}/${event.zapId}/${event.idempotencyKey ?? ''}`;
const byKey = (a: Member, b: Member) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
/** Compared is the stored text of the metadata, so the same JSON written in another way is another body. */
const keyConflict = () => new IngestError('idempotency_conflict', 'This Idempotency-Key came with another body before.');
