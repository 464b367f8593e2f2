import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from './deliveries.ts';

const AGAIN_AFTER_MS = 500;

export interface Settler {
  add: (outcome: Outcome) => void;
  /** Resolves once everything that was added is written. What is not written within the time is given up. */
  stop: (withinMs: number) => Promise<void>;
}

/**
 * Writes outcomes in groups: while one group is being written, the next gathers. What cannot be written is tried until
 * it can: an outcome that is lost costs a repeated call. It needs no bound: nothing new is taken without Postgres.
 */
export function createSettler(write: (outcomes: Outcome[]) => Promise<void>, onFailure: (error: unknown) => void): Settler {
  let waiting: Outcome[] = [];
  let writing: Promise<void> | undefined;
  let stopped = false;

  async function writeAll(): Promise<void> {
    // Later, so that what comes in the same turn is one group.
    await Promise.resolve();
    while (waiting.length > 0 && !stopped) {
      const group = waiting;
      waiting = [];
      try {
        await write(group);
      } catch (error) {
        onFailure(error);
        waiting = [...group, ...waiting];
        await delay(AGAIN_AFTER_MS);
      }
    }
    // In the same turn as the last look at what waits: what is added from now on begins another round.
    writing = undefined;
  }

  return {
    add: (outcome) => {
      waiting.push(outcome);
      writing ??= writeAll();
    },
    stop: async (withinMs) => {
      await Promise.race([writing, delay(withinMs, undefined, { ref: false })]);
      stopped = true;
    },
  };
}
