import type { Pool } from 'pg';
import { PostgresClient, SESSION } from '../kit/postgres.ts';
import { IngestError } from './errors.ts';
import type { Observer } from './observe.ts';
import { noAnswer, type Member } from './member.ts';
import type { Recorded, RunEvent } from './webhook.ts';
import { findFirst, writeGroup } from './write-group.ts';

/** Resolves once the run and its event are committed together; rejects with an IngestError. */
export type RecordEvent = (event: RunEvent) => Promise<Recorded>;

/** The most members of a group. Larger groups delay every member; smaller ones cost more commits. */
const MAX_GROUP = 256;
/** Groups in flight: while one waits for its commit, the next is sent. With more, groups only get smaller. */
const GROUPS_IN_FLIGHT = 2;
/**
 * Requests that would wait longer are rejected at once. A higher value makes accepted requests miss their deadline; a
 * lower one rejects short bursts needlessly.
 */
const MAX_WAIT_MS = 1000;
/** A sender waits at most three seconds; the sweep runs every tenth of a second. */
const ANSWER_WITHIN_MS = 2800;
const SWEEP_EVERY_MS = 100;
/**
 * Settings of the pool. A refused login is reported with its reason. A dead connection is noticed early enough to retry on a
 * new one, and the server cancels statements that nobody waits for.
 */
export const poolTimeouts = {
  Client: PostgresClient,
  connectionTimeoutMillis: 2000,
  query_timeout: 1200,
  statement_timeout: 2000,
  // 200 means that the row is on disk, whatever synchronous_commit the role or the database has.
  options: `${SESSION} -c synchronous_commit=on`,
} as const;
/** The most concurrent lookups of repeats. More would take the groups' connections. */
const MAX_LOOKUPS = 32;

export interface Recorder {
  record: RecordEvent;
  findRepeat: (event: RunEvent) => Promise<Recorded | undefined>;
  /** The number of waiting requests. */
  queued: () => number;
}

/**
 * Writes events in groups: while a group is in flight, the next one gathers. There is no timer for that, so a lone
 * request is written at once.
 *
 * @param queueLimit how many requests may wait; beyond it they are rejected at once with `overloaded`
 */
export function createRecorder(pool: Pool, queueLimit: number, observe?: Pick<Observer, 'group'>): Recorder {
  let waiting: Member[] = [];
  const inFlight = new Set<Member[]>();
  let lookups = 0;
  /** Duration of the latest commit. Failed groups do not count, as they do not tell how fast Postgres is. */
  let commitMs = 0;
  /** Whether Postgres left the latest group without an answer. */
  let away = false;

  /** The expected wait for a place in a group, from the latest commit; 0 for a request that can be written at once. */
  function waitMs(): number {
    return inFlight.size < GROUPS_IN_FLIGHT ? 0 : (Math.ceil(waiting.length / MAX_GROUP) * commitMs) / GROUPS_IN_FLIGHT;
  }

  /** An event with followers forms a group alone. */
  function groupSize(): number {
    const batch = waiting.findIndex(({ event }) => event.followers !== undefined);
    return batch < 0 || batch > MAX_GROUP ? MAX_GROUP : Math.max(1, batch);
  }

  function writeNext(): void {
    if (inFlight.size >= GROUPS_IN_FLIGHT || waiting.length === 0) return;
    const group = waiting.splice(0, groupSize());
    inFlight.add(group);
    const began = performance.now();
    void writeGroup(pool, group).then((written) => {
      inFlight.delete(group);
      commitMs = written.commitMs ?? commitMs;
      away = !written.answered;
      observe?.group(group.length, (performance.now() - began) / 1000);
      writeNext();
    });
  }

  /** Answers requests past their deadline. Those in flight may still be stored: their group continues without them. */
  function sweep(): void {
    const now = performance.now();
    const expired = waiting.findIndex(({ deadline }) => deadline > now);
    const late = waiting.slice(0, expired < 0 ? waiting.length : expired);
    if (late.length > 0) waiting = waiting.slice(late.length);
    for (const group of inFlight) late.push(...group.filter(({ deadline }) => deadline <= now));
    for (const { sent, reject } of late) reject(noAnswer(sent));
  }
  setInterval(sweep, SWEEP_EVERY_MS).unref();

  return {
    queued: () => waiting.length,
    record: (event) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= queueLimit || waitMs() > MAX_WAIT_MS) {
          reject(away ? noAnswer(false) : new IngestError('overloaded', 'Too many requests are waiting. Try again.'));
          return;
        }
        waiting.push({ event, deadline: performance.now() + ANSWER_WITHIN_MS, sent: false, resolve, reject });
        // Later in this turn, so that requests that arrived together join one group.
        setImmediate(writeNext);
      }),
    findRepeat: async (event) => {
      if (lookups >= MAX_LOOKUPS) return undefined;
      lookups += 1;
      try {
        return await findFirst(pool, event);
      } finally {
        lookups -= 1;
      }
    },
  };
}
