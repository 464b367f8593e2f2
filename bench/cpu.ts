import { readdirSync, readFileSync } from 'node:fs';

/** The unit of /proc. */
const TICKS_PER_SECOND = 100;

/**
 * CPU seconds of a process and its children so far, including children that have ended.
 *
 * @param pid 0 or a process that has ended: 0 seconds
 */
export function cpuSeconds(pid: number): number {
  if (pid === 0) return 0; // Otherwise those that the kernel started, whose parent it is.
  const own = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && (Number(entry) === pid || parentOf(entry) === pid));
  return own.reduce((sum, entry) => sum + ticks(entry, Number(entry) === pid), 0) / TICKS_PER_SECOND;
}

/** The fields behind the command's name, which may hold blanks and brackets; undefined when the process has ended. */
function fieldsOf(entry: string): string[] | undefined {
  try {
    return readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}

const parentOf = (entry: string) => Number(fieldsOf(entry)?.[1]);

/** User and system time, of the process itself with those of its ended children. */
function ticks(entry: string, withChildren: boolean): number {
  const fields = fieldsOf(entry) ?? [];
  return fields.slice(11, withChildren ? 15 : 13).reduce((sum, field) => sum + Number(field), 0);
}
