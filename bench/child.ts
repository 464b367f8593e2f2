import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OpenLoad } from '../test/support/open-loop.ts';

const run = promisify(execFile);

/** Runs a file of this folder in its own process. @returns the JSON that it prints */
export async function runJson<T>(file: string, ...args: string[]): Promise<T> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return JSON.parse((await run(process.execPath, ['--import', 'tsx', path, ...args], { maxBuffer: 2 ** 26 })).stdout) as T;
}

export interface Times {
  perSecond: number;
  p50: number;
  p99: number;
}

export interface Outcome {
  stored: Times;
  refused: Times;
  /** Any other answer, or none. */
  others: number;
}

export const HOOK = '/hooks/catch/bench/zap';

/** An open load of 400-byte webhooks: a fixed rate that does not wait for answers. */
export function openLoad(port: number, perSecond: number, seconds: number): Promise<Outcome> {
  const wanted: OpenLoad = { path: HOOK, body: JSON.stringify({ text: 'x'.repeat(389) }), perSecond, seconds };
  return runJson('open-load.ts', String(port), JSON.stringify(wanted));
}
