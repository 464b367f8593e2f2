import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { StackError } from './errors.ts';

// The Docker engine, by its command line: the one interface that every installation has.

/** Health checks that are frequent at the start only need Docker 25; compose with several env files 2.24 or so. */
const ENGINE_MINIMUM = 25;
const ANSWERS_WITHIN_MS = 10_000;

export type Engine =
  | { state: 'ready' }
  /** No command `docker`, or one whose engine cannot be used; the reason is for people. */
  | { state: 'missing' | 'unusable'; reason: string };

/** Whether an engine answers that can run the stack. */
export async function findEngine(): Promise<Engine> {
  try {
    const version = await docker(['version', '--format', '{{.Server.Version}}'], { timeoutMs: ANSWERS_WITHIN_MS });
    if (Number.parseInt(version, 10) < ENGINE_MINIMUM) {
      return { state: 'unusable', reason: `Docker ${version.trim()} is too old: ${ENGINE_MINIMUM} or newer is needed` };
    }
    await docker(['compose', 'version'], { timeoutMs: ANSWERS_WITHIN_MS });
    return { state: 'ready' };
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    if (error.code === 'NO_DOCKER') return { state: 'missing', reason: error.message };
    return { state: 'unusable', reason: `Docker is installed, but its daemon does not answer or compose is missing: ${error.message}` };
  }
}

export interface DockerOptions {
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

/**
 * Runs `docker` to its end.
 *
 * @returns its standard output
 * @throws StackError NO_DOCKER, or DOCKER_FAILED with the end of what it wrote
 */
export async function docker(args: readonly string[], { env, timeoutMs }: DockerOptions = {}): Promise<string> {
  const options = {
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  };
  try {
    return (await promisify(execFile)('docker', [...args], options)).stdout;
  } catch (error) {
    const { code, stdout = '', stderr = '', killed } = error as { code?: unknown; stdout?: string; stderr?: string; killed?: boolean };
    if (code === 'ENOENT') throw new StackError('NO_DOCKER', 'The command docker is not installed.');
    if (killed === true) throw new StackError('DOCKER_FAILED', `docker ${args[0]} gave no answer within ${(timeoutMs ?? 0) / 1000} s.`);
    const words = (stderr.trim() || stdout.trim() || String(error)).split('\n').filter((line) => line.trim() !== '');
    throw new StackError('DOCKER_FAILED', words.slice(-6).join('\n'));
  }
}
