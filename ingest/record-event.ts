import type { Pool } from 'pg';
import { IngestError } from './errors.ts';
import type { Observer } from './observe.ts';
import { noAnswer, type Member } from './member.ts';
import type { Recorded, RunEvent } from './webhook.ts';
import { findFirst, writeGroup } from './write-group.ts';

/** Resolves once the run and its event are committed together; rejects with an IngestError. */
export type RecordEvent = (event: RunEvent) => Promise<Recorded>;

/** More members make a statement slower for all of them, fewer cost a commit each. */
const MAX_GROUP = 256;
/** While one group waits for its commit, the next is sent. More in flight only makes the groups smaller. */
const GROUPS_IN_FLIGHT = 2;
/**
 * Who would wait longer than this is refused at once. Longer, and those who were let in are late, as the group that they
 * join takes its time as well; shorter, and a burst is refused that the next second would have had room for.
 */
const MAX_WAIT_MS = 1000;
/** A sender waits three seconds at most; the sweep comes every tenth of one. */
const ANSWER_WITHIN_MS = 2800;
const SWEEP_EVERY_MS = 100;
/**
 * For the pool. A dead connection is noticed early enough to try again on a new one; the server gives up by itself on
 * what nobody waits for any more.
 */
export const poolTimeouts = {
  connectionTimeoutMillis: 2000,
  query_timeout: 1200,
  statement_timeout: 2000,
  options: '-c search_path=public',
} as const;
/** Repeats that are looked up at once beside the groups. More would take the groups' connections. */
const MAX_LOOKUPS = 32;

export interface Recorder {
  record: RecordEvent;
  findRepeat: (event: RunEvent) => Promise<Recorded | undefined>;
  /** How many wait. */
  queued: () => number;
}

/**
 * Writes events in groups: while a group is in flight, the next one gathers. There is no timer for that, so a lone
 * request is written at once.
 *
 * @param queueLimit how many may wait; beyond it a request is refused at once with `overloaded`
 */
export function createRecorder(pool: Pool, queueLimit: number, observe?: Pick<Observer, 'group'>): Recorder {
  let waiting: Member[] = [];
  const inFlight = new Set<Member[]>();
  let lookups = 0;
  /** How long the latest commit took. A group that failed says nothing about how fast Postgres is. */
  let commitMs = 0;
  /** Whether Postgres did not answer the latest group. */
  let away = false;

  /** Until a place in a group is free, as far as the latest one tells. Whoever can be written at once waits for nothing. */
  function waitMs(): number {
    return inFlight.size < GROUPS_IN_FLIGHT ? 0 : (Math.ceil(waiting.length / MAX_GROUP) * commitMs) / GROUPS_IN_FLIGHT;
  }

  /** An event with followers is a group of its own. */
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

  /** Answers those whose time is over. Those in flight may still be stored: their group goes on without them. */
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
        // After the requests that arrived in the same turn have joined the group.
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
