import { tryLock } from '../../stack/lock.ts';

/**
 * Keeps a second test run of the same checkout away: it would end the parts of the first.
 *
 * @returns gives the folder free again
 * @throws when another run has it
 */
export function lockFolder(folder: string): () => void {
  const lock = tryLock(`${folder}.lock`);
  if (typeof lock === 'number') throw new Error(`another test run (process ${lock}) uses ${folder} of this checkout: wait for its end`);
  return lock;
}
