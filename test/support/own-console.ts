import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { onTestFinished } from 'vitest';
import { freePorts } from './free-ports.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

export interface OwnConsole {
  url: string;
  /** What it logged so far. */
  log: () => string;
}

/** A console beside the stack's own, with other settings, until the test ends. Ready when this resolves. */
export async function startConsole(env: Record<string, string>): Promise<OwnConsole> {
  const { child, log, port } = await spawnConsole(env);
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  await waitFor('the console answers', async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, 40_000);
  return { url: `http://localhost:${port}`, log };
}

/** A console that is expected to end by itself. @returns its exit code and what it wrote */
export async function runConsole(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { child, log } = await spawnConsole(env);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: log() };
}

async function spawnConsole(env: Record<string, string>) {
  const [port = 0] = await freePorts(1);
  const operator = parseEnv(readFileSync(`${config.STACK_DIR}/operator.env`, 'utf8'));
  const main = fileURLToPath(new URL('../../operate/console/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { ...process.env, ...operator, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (written += chunk.toString()));
  return { child, port, log: () => written };
}
