import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { startedAt } from './process.ts';

/**
 * Takes a lock that is a file with its holder's process in it. What a holder that was killed left is taken over.
 *
 * @returns a function that gives it back; or the id of the process that holds it
 */
export function tryLock(path: string): (() => void) | number {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${process.pid} ${startedAt(process.pid)}`;
  for (;;) {
    try {
      writeFileSync(path, own, { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = read(path);
    const [pid = '', started] = holder.split(/ (.*)/s);
    if (started !== undefined && started !== '' && startedAt(Number(pid)) === started) return Number(pid);
    if (holder !== '') remove(path, holder);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Two may remove at once, and one of them what the other has just made: that is put back. */
function remove(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    if (read(aside) !== stale) linkSync(aside, path);
  } catch {
    // Somebody has taken it meanwhile.
  } finally {
    rmSync(aside, { force: true });
  }
}
