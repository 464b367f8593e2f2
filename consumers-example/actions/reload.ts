import type { Logger } from 'pino';
import { readTargets, TargetsError, type Reading, type Targets } from './targets.ts';

const EVERY_MS = 2000;

/** readTargets for a main file: prints the faults and ends the process with 2, as no start can mend them. */
export function targetsOrExit(path: string, reading: Reading): Targets {
  try {
    return readTargets(path, reading);
  } catch (error) {
    if (!(error instanceof TargetsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

/**
 * Reads actions.json again every two seconds: the file and the secrets that it names may change at any time, and a
 * watch on files sees neither a mounted secret that is swapped nor a rename on every system.
 *
 * @returns the targets in force: a new file with faults is told of once and changes nothing
 */
export function followTargets(path: string, first: Targets, reading: Reading, log: Logger): { current: () => Targets; stop: () => void } {
  let targets = first;
  let inForce = describe(first);
  let told = '';
  const timer = setInterval(() => {
    try {
      const read = readTargets(path, reading);
      const now = describe(read);
      told = '';
      if (now === inForce) return;
      [targets, inForce] = [read, now];
      log.info({ targets: [...read.byName.keys()] }, 'new actions in force');
    } catch (error) {
      if (!(error instanceof TargetsError)) throw error;
      if (error.message !== told) log.error({ code: error.code, cause: error.message }, 'the old actions stay in force');
      told = error.message;
    }
  }, EVERY_MS);
  return { current: () => targets, stop: () => clearInterval(timer) };
}

const describe = ({ all }: Targets) => JSON.stringify(all);
