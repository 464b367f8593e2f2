import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** How much of the end of a log is read. */
const TAIL_BYTES = 262_144;
const LINES = 15;
const LONGEST = 400;

/** The end of a part's log; undefined when the stack has no log files. */
function readTail(folder: string | undefined, name: string): string | undefined {
  if (folder === undefined) return undefined;
  try {
    const file = openSync(join(folder, `${name}.log`), 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString();
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** The last lines of a part's log, long ones cut. */
export function lastLines(folder: string | undefined, name: string): string[] | undefined {
  const lines = readTail(folder, name)
    ?.split('\n')
    .filter((line) => line.trim() !== '');
  return lines?.slice(-LINES).map((line) => (line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line));
}

/** The settings that a service logged at its start, if that line is near the end. It has secrets only as "set". */
export function startSettings(folder: string | undefined, name: string): [string, string][] {
  const starts = (readTail(folder, name) ?? '').split('\n').filter((line) => line.includes('"msg":"starting"'));
  const entries = Object.entries(parsed(starts.at(-1) ?? ''));
  return entries
    .filter(([key]) => /^[A-Z][A-Z0-9_]+$/.test(key))
    .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]);
}

/** One call of an action, as the action consumer logged it. */
export interface Attempt {
  target: string;
  attempt: number;
  answer: string;
  at: Date;
  ms: number;
}

/** The calls of an event that the log still has. */
export function attemptsOf(folder: string | undefined, id: string): Attempt[] {
  const lines = (readTail(folder, 'actions') ?? '').split('\n').filter((line) => line.includes(id) && line.includes('"msg":"attempt"'));
  return lines.flatMap((line) => {
    const { eventId, target, attempt, answer, status, time, ms } = parsed(line);
    if (eventId !== id || typeof target !== 'string' || typeof ms !== 'number' || typeof time !== 'number') return [];
    return [{ target, attempt: Number(attempt), answer: String(status ?? answer), at: new Date(time), ms }];
  });
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
