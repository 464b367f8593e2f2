import { constants, copyFileSync, existsSync, openSync, readFileSync, readdirSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

// The parts' logs. Each part writes into its file itself, so it survives the process runner; piped through the runner, it
// would end with it. So a log is rotated by copying and truncating it: lines written between the two, within milliseconds,
// are lost.

const LARGEST_BYTES = 10 * 1024 * 1024;
/** Beside the one that is written. */
const KEPT = 2;
const CHECK_EVERY_MS = 2000;

export const logPath = (dir: string, name: string) => join(dir, 'logs', `${name}.log`);

/** Opens a log for a part to write into. Appending is what makes emptying it possible. */
export function openLog(path: string): number {
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
}

/** A part's log, the older files of it first. */
export function readLog(dir: string, name: string): string {
  const paths = [...generations(logPath(dir, name)).toReversed(), logPath(dir, name)];
  return paths
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('');
}

/** Keeps every log of the folder below a size for as long as this process runs. */
export function keepLogsSmall(dir: string): void {
  setInterval(() => {
    for (const file of readdirSync(join(dir, 'logs'))) if (file.endsWith('.log')) rotate(join(dir, 'logs', file), LARGEST_BYTES);
  }, CHECK_EVERY_MS).unref();
}

/** Sets aside what a log holds when it is larger. */
export function rotate(path: string, largestBytes: number): void {
  if (statSync(path).size <= largestBytes) return;
  const [newest = '', ...older] = generations(path);
  for (const [at, to] of [...older.entries()].toReversed()) {
    const from = generations(path)[at] ?? '';
    if (existsSync(from)) renameSync(from, to);
  }
  copyFileSync(path, newest);
  truncateSync(path);
}

/** `x.log.1` is the newest. */
const generations = (path: string) => Array.from({ length: KEPT }, (_, at) => `${path}.${at + 1}`);
