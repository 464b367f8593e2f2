import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identityOf, runningPid } from './process.ts';

/**
 * Takes a lock that is a file with its holder's process in it. What a holder that was killed left is taken over.
 *
 * @returns a function that gives it back; or the id of the process that holds it
 */
export function tryLock(path: string): (() => void) | number {
  const own = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(own, identityOf(process.pid), { mode: 0o600 });
  try {
    for (;;) {
      // The file appears with its text in it, so nobody ever reads an empty one.
      if (attempt(() => linkSync(own, path), 'EEXIST')) return () => rmSync(path, { force: true });
      const holder = attempt(() => readFileSync(path, 'utf8'), 'ENOENT');
      if (holder === undefined) continue;
      const pid = runningPid(holder.value);
      if (pid !== undefined) return pid;
      remove(path, holder.value);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Two may remove at once, and one of them what the other has just made: that is put back. */
function remove(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`;
  if (attempt(() => renameSync(path, aside), 'ENOENT') === undefined) return;
  if (readFileSync(aside, 'utf8') !== stale) attempt(() => linkSync(aside, path), 'EEXIST');
  rmSync(aside);
}

/** @returns what it returned; undefined when it failed with this code, as somebody else was faster */
function attempt<T>(what: () => T, code: string): { value: T } | undefined {
  try {
    return { value: what() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return undefined;
    throw error;
  }
}
