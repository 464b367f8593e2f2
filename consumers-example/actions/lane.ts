import type { Delivery } from './deliveries.ts';

/** Calls at once of a target that nothing is known about. */
const FIRST_WINDOW = 2;
/**
 * Taken at once, as a multiple of the calls at once: fewer, and a quick target waits for Postgres; more, and another
 * copy of this process finds nothing to do while this one is slow. What cannot be begun within its lease is dropped.
 */
const AHEAD = 8;

/** Taken, and not begun. */
interface Job {
  delivery: Delivery;
  /** By performance.now(): a call that begins later would end after its lease. */
  startBy: number;
}

export type Lane = ReturnType<typeof createLane>;

/**
 * One target's queue and its calls at once. These begin at two, grow by one with each answer up to the target's limit,
 * and are halved by a call that got no answer: a target that hangs soon holds one call, however many are due to it,
 * and has all of them again when it is back. An answer of any status counts, as it came quickly.
 */
export function createLane(name: string) {
  const queue: Job[] = [];
  let window = FIRST_WINDOW;
  let inFlight = 0;
  return {
    name,
    queue,
    /** There may be more in the table than were taken. */
    more: false,
    mayBegin: (limit: number) => inFlight < Math.min(window, limit),
    begin: () => (inFlight += 1),
    end: (answered: boolean, limit: number) => {
      inFlight -= 1;
      window = answered ? Math.min(window + 1, limit) : Math.max(1, Math.floor(window / 2));
    },
    /** How many to take now. */
    room: (limit: number) => Math.max(0, AHEAD * Math.min(window, limit) - inFlight - queue.length),
    /** Whether it is worth a statement: there is more, and room for half of what it could take. */
    wantsMore(limit: number) {
      return this.more && limit > 0 && this.room(limit) >= (AHEAD / 2) * Math.min(window, limit);
    },
  };
}
