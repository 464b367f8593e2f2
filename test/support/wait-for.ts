import { setTimeout as delay } from 'node:timers/promises';

const EVERY_MS = 50;

/**
 * The only waiting loop of the tests: asks until the condition gives something other than undefined or false.
 *
 * @param what a sentence for the failure: what was waited for
 * @throws when it did not come within the time, with the last error of the condition as the cause
 */
export async function waitFor<T>(what: string, condition: () => T | Promise<T>, withinMs = 20_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await condition();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(EVERY_MS);
  }
  throw new Error(`not reached within ${withinMs} ms: ${what}`, { cause });
}
