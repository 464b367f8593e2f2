import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { order } from './client.ts';
import type { StackConfig } from './config.ts';
import { copyName } from './copies.ts';
import { StackError } from './errors.ts';
import { readHandedFiles } from './files.ts';
import { ensureJars } from './jars.ts';
import { findJava } from './jdk.ts';
import { requireFreePorts } from './ports.ts';
import { ensureSecured } from './secured.ts';
import { end, leftovers, start } from './process.ts';
import type { Say, Stack, UpTimes } from './stack.ts';
import { untilUp } from './until-up.ts';

/** Boots the embedded stack as Stack.up promises; recovers what a killed runner left. */
export async function up(stack: Stack, config: StackConfig, say: Say): Promise<UpTimes> {
  const began = performance.now();
  let downloads = 0;
  readHandedFiles(process.env);
  requireProfile(config);
  const running = await order(config.dir, 'status');
  if (running === undefined) {
    await stopLeftovers(config.dir, say);
    const java = findJava(process.env);
    await requireFreePorts(config);
    if (config.STACK_TLS) ensureSecured(config);
    downloads = ensureJars(config.jars, java, say);
    rmSync(`${config.dir}/logs`, { recursive: true, force: true });
    const args = ['--import', 'tsx', fileURLToPath(new URL('runner.ts', import.meta.url))];
    start(config.dir, 'runner', { file: process.execPath, args, env: process.env }).unref();
  } else {
    // What was stopped by hand is wanted again.
    await order(config.dir, 'start');
  }
  try {
    // Until the runner takes orders there are no parts to look at.
    const goesOn = (parts: unknown) => parts !== undefined || leftovers(config.dir).has('runner');
    await untilUp(stack, say, config.START_TIMEOUT_SECONDS, { goesOn });
  } catch (error) {
    if (running === undefined) await down(config.dir);
    throw error;
  }
  return { downloads, boot: (performance.now() - began) / 1000 - downloads };
}

/** @throws StackError PROFILE_CHANGED: the data of one broker does not become that of three, nor the other way round */
function requireProfile({ dir, PROFILE }: StackConfig): void {
  const cluster = existsSync(join(dir, copyName('kafka', 2), 'meta.properties'));
  if (cluster === (PROFILE === 'cluster') || !existsSync(join(dir, 'kafka', 'meta.properties'))) return;
  throw new StackError(
    'PROFILE_CHANGED',
    `The data in ${dir} was made with PROFILE=${cluster ? 'cluster' : 'single'}. Set that, or remove the data with make nuke.`,
  );
}

/** Stops the stack and whatever a killed runner left. Its state stays. */
export async function down(dir: string): Promise<void> {
  await order(dir, 'shutdown').catch(() => undefined);
  await stopLeftovers(dir, () => undefined);
}

async function stopLeftovers(dir: string, say: (line: string) => void): Promise<void> {
  const left = leftovers(dir);
  if (left.size === 0) return;
  say(`stopping what an earlier run left: ${[...left.keys()].join(', ')}`);
  const runner = left.get('runner');
  if (runner !== undefined) await end(runner, 'SIGTERM', 60_000);
  // Postgres last: the others write their last words into it. SIGINT is its fast shutdown.
  const others = [...leftovers(dir)].filter(([name]) => name !== 'postgres');
  await Promise.all(others.map(([, pid]) => end(pid, 'SIGTERM', 20_000)));
  await Promise.all([...leftovers(dir).values()].map((pid) => end(pid, 'SIGINT', 20_000)));
  rmSync(`${dir}/run`, { recursive: true, force: true });
}
