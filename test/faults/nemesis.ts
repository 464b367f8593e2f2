import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { openHistory } from './history.ts';
import type { Step } from './schedule.ts';
import { unrestOf } from './rest.ts';
import type { World } from './world.ts';

/** Without events, for example while Postgres is away, the next fault comes after this. */
const AT_THE_LATEST_MS = 30_000;
const REST_WITHIN_MS = 30_000;
/** How long a recovered driver runs before the next fault, so that its speed can be measured. */
const QUIET_MS = 4000;

/** Runs the schedule, and records the start and end of each fault in the history. */
export async function runNemesis(
  world: World,
  steps: readonly Step[],
  faults: readonly Fault[],
  history: ReturnType<typeof openHistory>,
  say: (line: string) => void,
): Promise<void> {
  const lasting: Promise<void>[] = [];
  let atOnce = false;
  for (const { step, at, fault: name, part, holdMs, then } of steps) {
    const fault = faults.find((one) => one.name === name);
    if (fault === undefined) throw new Error(`there is no fault ${name}`);
    const latest = performance.now() + AT_THE_LATEST_MS;
    while (!atOnce && world.driver.progress().ok < at && performance.now() < latest) await delay(20);
    atOnce = then === 'overlap';
    say(`${String(step).padStart(4)}  ${[name, part].filter(Boolean).join(' ')}`);
    history.say({ what: 'inject', step, fault: name, part });
    const lasts = hold(world, fault, part, holdMs)
      .catch((error: unknown) =>
        say(`${String(step).padStart(4)}  could not be produced: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => history.say({ what: 'heal', step }));
    if (then === 'overlap') {
      lasting.push(lasts);
      await delay(500);
      continue;
    }
    await lasts;
    if (then === 'rest')
      await rest(world, Promise.all(lasting), (unrest) => say(`${String(step).padStart(4)}  did not come to rest: ${unrest}`));
  }
  await Promise.all(lasting);
}

async function hold(world: World, fault: Fault, part: string, holdMs: number): Promise<void> {
  const heal = await fault.inject(world, part);
  await delay(holdMs);
  await heal();
}

/** Waits, while the driver runs, until nothing older than a moment waits. Unrest that stays is reported at the end. */
async function rest(world: World, healed: Promise<unknown>, onUnrest: (unrest: string) => void): Promise<void> {
  await healed;
  const until = performance.now() + REST_WITHIN_MS;
  let unrest: string[];
  do {
    await delay(500);
    unrest = await unrestOf(world, 2);
  } while (unrest.length > 0 && performance.now() < until);
  if (unrest.length > 0) onUnrest(unrest.join('; '));
  await delay(QUIET_MS);
}
