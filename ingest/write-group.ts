import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { IngestError } from './errors.ts';
import { noAnswer, type Member } from './member.ts';
import { find, insert, type First, type Queryable } from './statements.ts';
import type { Recorded, RunEvent } from './webhook.ts';

const PAUSE_MS = 100;
const UNIQUE_VIOLATION = '23505';

/** The result of writing a group. */
export interface Written {
  /** How long its latest commit took; undefined without one. */
  commitMs: number | undefined;
  /** Whether Postgres answered, be it by refusing a row. */
  answered: boolean;
}

/**
 * Writes a group and settles its members. Never rejects.
 *
 * When an attempt fails without a report from the server (a lost connection, no answer), the same rows with the same ids
 * are sent again on a new connection. That is safe although the old backend may still be working, even before its insert
 * or between insert and COMMIT: both attempts meet at the primary key of `zap_run`. The later insert waits for the earlier
 * transaction, and does nothing if that one committed. So there is one run and one event, and a lookup before the insert
 * would add nothing. Only members whose outcome is still unknown at their deadline get `outcome_unknown`.
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
    // Never store an event after telling its sender that it was not stored.
    const now = performance.now();
    for (const { sent, deadline, reject } of members) if (!sent && deadline <= now) reject(noAnswer(false, cause));
    members = members.filter(({ sent, deadline }) => sent || deadline > now);
    try {
      const commitMs = members.length > 0 ? await attempt(connection.client, members, lost) : undefined;
      connection.close();
      return { commitMs, answered: commitMs !== undefined };
    } catch (error) {
      cause = error;
      const outcome = outcomeOf(error);
      connection.close(outcome === 'unknown' ? (error as Error) : undefined);
      if (outcome === 'row') return tryApart(pool, members, lost, error);
      if (outcome === 'refused') break;
      lost ||= outcome === 'unknown';
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

/** Settles a member by the runs that exist in place of its own. A batch is a repeat when all its runs are. */
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

/** One row is at fault and Postgres stored none: writes halves, and halves of these, until the faulty row fails alone. */
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
 * The outcome of an attempt that failed. Only an error that the server reports about the statement itself means that
 * nothing was stored: a shutdown, a crash or a full disk may also come after COMMIT.
 */
function outcomeOf(error: unknown): 'row' | 'again' | 'refused' | 'unknown' {
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

/** A lost connection also fails the query. Without a listener the event would end the process. */
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

/** Bypasses the pool, whose idle connections may be dead like the lost one. */
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
/** The stored texts are compared, so the same JSON in another notation is another body. */
const keyConflict = () => new IngestError('idempotency_conflict', 'This Idempotency-Key was used with another body.');
