import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';

/** A larger file is neither a configuration nor a secret. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/** Reads a file as UTF-8 text. @throws UnreadableError */
export type ReadText = (path: string) => string;

/** The message names the path and the cause, never the content. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  /** Node's code (ENOENT, EACCES, ELOOP, …), NOT_A_FILE or TOO_LARGE. */
  readonly code: string;

  constructor(path: string, code: string) {
    super(`${path} cannot be read: ${code}`);
    this.code = code;
  }
}

export interface Following<T> {
  /** The name of the configuration in the log. */
  name: string;
  everyMs: number;
  log: Logger;
  /** The fields of the log line about a new value. */
  describe: (value: T) => object;
}

/**
 * Follows a configuration and every file that it names. It polls the files' state: a watch misses a swapped mounted
 * secret, and on some systems a rename. A faulty state is logged once, and the previous version stays active.
 *
 * @param load reads the configuration, each file through the given function; it throws when the configuration is faulty
 * @throws what `load` throws, but only at the start
 */
export function followFiles<T>(
  load: (read: ReadText) => T,
  { name, everyMs, log, describe }: Following<T>,
): { current: () => T; stop: () => void } {
  let active = readAll(load);
  let fault: string | undefined;
  const timer = setInterval(() => {
    // During a fault everything is read each time: the fix may be in a file that was not read yet.
    if (fault === undefined && active.files.every(({ path, state }) => stateOf(path) === state)) return;
    try {
      const next = readAll(load);
      const isNew = next.files.map(({ text }) => text).join('\0') !== active.files.map(({ text }) => text).join('\0');
      active = next;
      if (isNew || fault !== undefined) log.info(describe(next.value), `${name} was reloaded`);
      fault = undefined;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      if (cause !== fault) log.error({ code: codeOf(error), cause }, `${name} is invalid; keeping the previous version`);
      fault = cause;
    }
  }, everyMs);
  timer.unref();
  return { current: () => active.value, stop: () => clearInterval(timer) };
}

interface Read {
  path: string;
  state: string;
  text: string;
}

function readAll<T>(load: (read: ReadText) => T): { value: T; files: Read[] } {
  const files: Read[] = [];
  const value = load((path) => {
    const file = readSafely(path);
    files.push(file);
    return file.text;
  });
  return { value, files };
}

/** Reads a file as UTF-8 text. A pipe or a device, which could block the process or never end, is refused. */
export const readText: ReadText = (path) => readSafely(path).text;

function readSafely(path: string): Read {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile()) throw new UnreadableError(path, 'NOT_A_FILE');
    if (found.size > LARGEST_BYTES) throw new UnreadableError(path, 'TOO_LARGE');
    // The state before the content, so that the next round reads a change between the two.
    return { path, state: stateIn(found), text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw error instanceof UnreadableError ? error : new UnreadableError(path, codeOf(error));
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function stateOf(path: string): string {
  try {
    return stateIn(statSync(path));
  } catch (error) {
    return codeOf(error);
  }
}

const stateIn = ({ ino, mtimeMs, size }: { ino: number; mtimeMs: number; size: number }) => `${ino} ${mtimeMs} ${size}`;
const codeOf = (error: unknown) => String((error as { code?: unknown }).code);
