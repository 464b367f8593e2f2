import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findJava } from '../../stack/jdk.ts';
import { end, start } from '../../stack/process.ts';
import { connectPart } from '../../stack/servers.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

/** The `java` that runs the stack's servers. */
export const java = () => findJava(process.env);

const NAME = 'connect-of-a-test';

/**
 * A worker of Connect in the place of the embedded stack's own, which must be stopped; or beside it, on a port of its own.
 *
 * @param change makes its properties from those of connect/worker.properties
 * @param env of connect/start.sh, where it differs from the stack's own
 * @returns ends it
 */
export async function startWorker(
  change: (properties: string) => string,
  port = config.CONNECT_PORT,
  env: Record<string, string> = {},
): Promise<() => Promise<void>> {
  const { command, probe } = connectPart({ ...config, CONNECT_PORT: port }, java());
  const state = join(config.dir, NAME);
  mkdirSync(state, { recursive: true });
  const changed = join(state, 'changed.properties');
  writeFileSync(changed, change(readFileSync(new URL('../../connect/worker.properties', import.meta.url), 'utf8')));
  const { pid } = start(config.dir, NAME, {
    ...command,
    env: { ...command.env, ...env, CONNECT_PROPERTIES: changed, CONNECT_STATE: state },
  });
  const stop = async () => {
    if (pid !== undefined) await end(pid, 'SIGTERM', 20_000);
    rmSync(state, { recursive: true, force: true });
  };
  try {
    await waitFor('the worker answers', () => probe?.().then(() => true), 90_000);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
