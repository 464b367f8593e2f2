import type { Logger } from 'pino';
import { followFiles } from '../../kit/follow-files.ts';
import { exitUnfit } from '../../kit/settings.ts';
import { readTargets, TargetsError, type Reading, type Targets } from './targets.ts';

const EVERY_MS = 2000;

/**
 * Reads actions.json, and reloads it when it or a file that it names changes. Faults at the start are printed and end the
 * process with 2, as no restart can fix them. Later faults are logged once and change nothing.
 *
 * @returns the active targets
 */
export function followTargets(path: string, reading: Reading, log: Logger): { current: () => Targets; stop: () => void } {
  try {
    return followFiles((read) => readTargets(path, reading, read), {
      ...{ name: 'actions.json', everyMs: EVERY_MS, log },
      describe: ({ byName }) => ({ targets: [...byName.keys()] }),
    });
  } catch (error) {
    if (!(error instanceof TargetsError)) throw error;
    return exitUnfit(error);
  }
}
