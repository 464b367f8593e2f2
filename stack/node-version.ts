import { StackError } from './errors.ts';

/** The oldest Node that is still maintained. */
const MAINTAINED = 22;
/** The oldest Node that works. */
const WORKS = [20, 19] as const;

/**
 * Checks the version of Node.
 *
 * @param version such as `22.18.0`
 * @returns a warning about a version that works but is no longer maintained; undefined for a maintained one
 * @throws StackError NODE_OLD when the version does not work
 */
export function checkNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= MAINTAINED) return undefined;
  const advice = `Install Node ${MAINTAINED} LTS or newer.`;
  if (major < WORKS[0] || (major === WORKS[0] && minor < WORKS[1]))
    throw new StackError('NODE_OLD', `Node ${version} is too old. ${advice}`);
  return `NODE_OLD: Node ${version} is no longer maintained. ${advice}`;
}
