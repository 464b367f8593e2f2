import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { order } from './client.ts';
import type { StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { ensureJars } from './jars.ts';
import { findJava } from './jdk.ts';
import { requireFreePorts } from './ports.ts';
import { end, leftovers, logTail, start } from './process.ts';
import type { Status } from './keeper.ts';

export interface UpTimes {
  /** Seconds spent on the downloads from Maven Central, 0 when nothing was missing. */
  downloads: number;
  /** Seconds in all, without them. */
  boot: number;
}

/**
 * Boots the stack and waits until every part works. Harmless when it runs already; recovers what a killed runner left.
 *
 * @throws StackError with the cause; whatever this call started is stopped again
 */
export async function up(config: StackConfig, say: (line: string) => void): Promise<UpTimes> {
  const began = performance.now();
  let downloads = 0;
  const running = await order(config.dir, 'status');
  if (running === undefined) {
    await stopLeftovers(config.dir, say);
    findJava(process.env);
    await requireFreePorts(config);
    downloads = ensureJars(config.jars, say);
    rmSync(`${config.dir}/logs`, { recursive: true, force: true });
    const args = ['--import', 'tsx', new URL('runner.ts', import.meta.url).pathname];
    start(config.dir, 'runner', { file: process.execPath, args }).unref();
  } else {
    // What was stopped by hand is wanted again.
    await order(config.dir, 'start');
  }
  try {
    await untilUp(config, say);
  } catch (error) {
    if (running === undefined) await down(config.dir);
    throw error;
  }
  return { downloads, boot: (performance.now() - began) / 1000 - downloads };
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

async function untilUp(config: StackConfig, say: (line: string) => void): Promise<void> {
  const told = new Set<string>();
  // Parts wait for each other, so the last may begin when the first ones have taken their whole time.
  const deadline = performance.now() + 2 * config.START_TIMEOUT_SECONDS * 1000;
  let starting = true;
  for (;;) {
    const parts = await order(config.dir, 'status');
    if (parts !== undefined) starting = false;
    for (const part of parts ?? []) {
      if (part.state !== 'up' || told.has(part.name)) continue;
      told.add(part.name);
      say(
        `  ${part.name.padEnd(9)} ${part.job ? 'done' : 'up'} in ${(part.took ?? 0).toFixed(1)} s${part.address ? `  ${part.address}` : ''}`,
      );
    }
    if (parts !== undefined && parts.every(({ state }) => state === 'up')) return;
    const hopeless = parts?.find(isHopeless);
    if (hopeless !== undefined || performance.now() > deadline)
      throw failure(config, hopeless ?? parts?.find(({ state }) => state !== 'up'));
    if (!starting && parts === undefined) throw failure(config, undefined);
    if (starting && !leftovers(config.dir).has('runner')) throw failure(config, undefined);
    await delay(150);
  }
}

/** A job that failed three times, or a service that died five times: more of the same will not help. */
function isHopeless({ state, job, restarts }: Status): boolean {
  return state === 'failed' && restarts >= (job ? 2 : 4);
}

function failure(config: StackConfig, part: Status | undefined): StackError {
  const name = part?.name ?? 'runner';
  return new StackError(
    'NOT_HEALTHY',
    `${name} does not get healthy: ${part?.cause ?? 'it ended'}. Everything was stopped again. ` +
      `If the machine is only slow, raise START_TIMEOUT_SECONDS (now ${config.START_TIMEOUT_SECONDS}). ` +
      `The end of its log:\n${logTail(config.dir, name, 12)}`,
  );
}
