import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../test/support/free-ports.ts';
import { HOOK } from './child.ts';

/** A measured server, in its own process. */
export interface Server {
  port: number;
  /** Resident memory in MB: the current one and the peak (elsewhere than on Linux: the current one). */
  memoryMb: () => { now: number; peak: number };
  stop: () => Promise<void>;
}

/**
 * Starts a server with ingest's settings. It accepts webhooks when this resolves. Its log is discarded.
 *
 * @param file relative to this folder
 */
export async function startServer(file: string, DATABASE_URL: string, settings: Record<string, string> = {}): Promise<Server> {
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const env = {
    ...process.env,
    DATABASE_URL,
    PORT: String(port),
    HOST: '127.0.0.1',
    METRICS_PORT: String(metricsPort),
    NODE_ENV: 'production',
    ...settings,
  };
  const path = fileURLToPath(new URL(file, import.meta.url));
  const server = spawn(process.execPath, ['--import', 'tsx', path], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async () => {
    if (server.exitCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  };
  try {
    await untilAccepted(`http://127.0.0.1:${port}${HOOK}`, server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, memoryMb: () => memoryMb(server), stop };
}

async function untilAccepted(url: string, server: ChildProcess): Promise<void> {
  let seen = 'no answer';
  for (let tries = 300; tries > 0; tries -= 1) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' }).catch(() => undefined);
    if (answer?.ok === true) return;
    if (answer !== undefined) seen = `${answer.status} ${await answer.text()}`;
    await delay(100);
  }
  throw new Error(`the server does not accept webhooks: ${seen}`);
}

function memoryMb({ pid }: ChildProcess): { now: number; peak: number } {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) {
    const now = Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024);
    return { now, peak: now };
  }
  const status = readFileSync(path, 'utf8');
  const field = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { now: field('VmRSS'), peak: field('VmHWM') };
}
