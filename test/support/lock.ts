import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { startedAt } from '../../stack/process.ts';

/**
 * Keeps a second test run of the same checkout away: it would end the parts of the first.
 *
 * @returns gives the folder free again
 * @throws when another run has it; what a run that was killed left is taken over
 */
export function lockFolder(folder: string): () => void {
  const path = `${folder}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  const own = `${process.pid} ${startedAt(process.pid)}`;
  try {
    writeFileSync(path, own, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const [pid = '', started] = readFileSync(path, 'utf8').split(/ (.*)/s);
    if (started !== '' && startedAt(Number(pid)) === started) {
      throw new Error(`another test run (process ${pid}) uses ${folder} of this checkout: wait for its end`, { cause: error });
    }
    rmSync(path, { force: true });
    return lockFolder(folder);
  }
  return () => rmSync(path, { force: true });
}
