import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

// TypeScript programs as processes of their own, for unit tests.

export interface Ended {
  code: number | null;
  /** What it logged, line by line. */
  lines: Record<string, unknown>[];
  errors: string;
}

/** Starts node with the arguments, in the root of the repository. @returns ended: resolves when it has */
export function startNode(args: string[], env: Record<string, string>): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], { env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, 'close').then((closed) => {
    const [code] = closed as [number | null];
    const lines = output.split('\n').filter((line) => line !== '');
    return { code, errors, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  });
  return { child, ended };
}

/** A port that somebody listens on until the test has ended. */
export async function takenPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
