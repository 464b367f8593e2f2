import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from './errors.ts';
import type { Status } from './keeper.ts';
import type { Say, Stack } from './stack.ts';

const CHECK_EVERY_MS = 150;

interface Boot {
  /** Whether something still works on it; when nothing does, a part that waits will wait for ever. */
  goesOn: (parts: readonly Status[] | undefined) => boolean;
  /** Whether what is up may be taken for the result: parts of an earlier boot may be about to be replaced. */
  isFinal?: () => boolean;
}

/**
 * Waits until every part is up and tells of each that gets there.
 *
 * @throws StackError NOT_HEALTHY with the end of the log of the part that is to blame
 */
export async function untilUp(stack: Stack, say: Say, startTimeoutSeconds: number, boot: Boot): Promise<void> {
  const told = new Set<string>();
  // Parts wait for each other, so the last may begin when the first ones have taken their whole time.
  const deadline = performance.now() + 2 * startTimeoutSeconds * 1000;
  for (;;) {
    const isFinal = boot.isFinal?.() ?? true;
    const parts = await stack.status();
    for (const part of parts ?? []) {
      if (part.state !== 'up' || told.has(part.name)) continue;
      told.add(part.name);
      say(
        `  ${part.name.padEnd(9)} ${part.job ? 'done' : 'up'} in ${(part.took ?? 0).toFixed(1)} s${part.address ? `  ${part.address}` : ''}`,
      );
    }
    const allUp = parts?.every(({ state }) => state === 'up') === true;
    if (isFinal && allUp) return;
    const hopeless = parts?.find(isHopeless);
    // All up, and nothing has worked on it for a moment: the next check is final.
    const goesOn = allUp || boot.goesOn(parts) || parts?.some(isOnItsWay) === true;
    const hope = hopeless === undefined && performance.now() < deadline && goesOn;
    if (!hope) throw await failure(stack, hopeless ?? toBlame(parts), startTimeoutSeconds);
    await delay(CHECK_EVERY_MS);
  }
}

/** A job that failed three times, or a service that died five times: more of the same will not help. */
function isHopeless({ state, job, restarts }: Status): boolean {
  return state === 'failed' && restarts >= (job ? 2 : 4);
}

const isOnItsWay = ({ state }: Status) => state === 'starting' || state === 'failed';

/** One that waits, waits for the one to blame. */
function toBlame(parts: readonly Status[] = []): Status | undefined {
  const order: Status['state'][] = ['failed', 'starting', 'stopped', 'waiting'];
  return order.flatMap((wanted) => parts.filter(({ state }) => state === wanted))[0];
}

async function failure(stack: Stack, part: Status | undefined, startTimeoutSeconds: number): Promise<StackError> {
  const name = part?.name ?? 'runner';
  const log = await stack.log(name).catch(() => '');
  return new StackError(
    'NOT_HEALTHY',
    `${name} does not get healthy: ${part?.cause ?? 'it ended'}. Everything was stopped again. ` +
      `If the machine is only slow, raise START_TIMEOUT_SECONDS (now ${startTimeoutSeconds}). ` +
      `The end of its log:\n${log.trimEnd().split('\n').slice(-12).join('\n')}`,
  );
}
