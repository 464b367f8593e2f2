import { randomBytes } from 'node:crypto';

/** A name that no other test and no other run uses; fits everywhere an id, a group or a constraint is asked for. */
export function uniqueName(what: string): string {
  return `${what}_${randomBytes(6).toString('hex')}`;
}
