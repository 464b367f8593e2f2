import type { Delivery } from './deliveries.ts';

/** Concurrent calls of a target without answers so far. */
const FIRST_WINDOW = 2;
/**
 * The queue's length as a multiple of the concurrent calls. With less a fast target waits for Postgres; with more another
 * copy of this process finds nothing to do while this one is slow. Calls that cannot start within their lease are dropped.
 */
const AHEAD = 8;

/** Taken and not started. */
interface Job {
  delivery: Delivery;
  /** By performance.now(). A call that starts later would end after its lease. */
  startBy: number;
}

export type Lane = ReturnType<typeof createLane>;

/**
 * The queue and the concurrency of one target. The concurrency starts at two, grows by one with each answer up to the
 * target's limit, and is halved by a call without an answer. So a hanging target soon holds one call, however many are due,
 * and recovers when it is back. An answer of any status counts.
 */
export function createLane(name: string) {
  const queue: Job[] = [];
  let window = FIRST_WINDOW;
  let inFlight = 0;
  return {
    name,
    queue,
    /** Whether the table may have more calls than were taken. */
    more: false,
    mayBegin: (limit: number) => inFlight < Math.min(window, limit),
    begin: () => (inFlight += 1),
    end: (answered: boolean, limit: number) => {
      inFlight -= 1;
      window = answered ? Math.min(window + 1, limit) : Math.max(1, Math.floor(window / 2));
    },
    /** How many calls to take now. */
    room: (limit: number) => Math.max(0, AHEAD * Math.min(window, limit) - inFlight - queue.length),
    /** Whether a statement is worth it: more calls wait, and half of the queue is free. */
    wantsMore(limit: number) {
      return this.more && limit > 0 && this.room(limit) >= (AHEAD / 2) * Math.min(window, limit);
    },
  };
}
