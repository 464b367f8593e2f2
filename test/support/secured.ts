import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { expect, onTestFinished } from 'vitest';
import { CONSUMER_GROUP } from '../../contract/kafka-grants.ts';
import { makeAuthority, type Certificate } from '../../stack/certificates.ts';
import { databaseUrl, type Login } from '../../stack/config.ts';
import { connectEnv, registryEnv } from '../../stack/http-logins.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { ACK_GROUPS } from '../../stack/parts.ts';
import { freePorts } from './free-ports.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

// The services as processes of a test's own, with settings of its choice; an empty one counts as unset.

type Env = Record<string, string>;

export interface Process {
  log: () => string;
  pid: number;
  ended: Promise<number | null>;
  /** Waits for a line. @returns all that was logged */
  says: (pattern: RegExp, withinMs?: number) => Promise<string>;
  stop: () => Promise<void>;
}

/** Starts one of our programs. It is ended with its test. */
export function startProgram(file: string, env: Env, ...args: string[]): Process {
  let log = '';
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { env: { ...process.env, ...env } });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  };
  onTestFinished(stop);
  const says = (pattern: RegExp, withinMs = 45_000) =>
    waitFor(`${file} logs ${pattern}`, () => (pattern.test(log) ? log : undefined), withinMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${log.slice(-3000)}`);
    });
  return { log: () => log, pid: child.pid ?? 0, ended, says, stop };
}

const metricsPort = async () => ({ METRICS_PORT: String((await freePorts(1))[0]) });

/** The stack's consumer must be stopped: its login may use its group only. */
export const startConsumer = async (env: Env = {}): Promise<Process> =>
  startProgram('consumers-example/main.ts', {
    ...kafkaEnv(config, 'consumer'),
    ...registryEnv(config, 'reader'),
    ...(await metricsPort()),
    GROUP_ID: CONSUMER_GROUP,
    ...env,
  });

/** How each program of ours that uses Postgres is started with a URL. */
export const postgresPrograms: Record<string, { login: Login; start: (url: string) => Promise<Process> }> = {
  'prisma/migrate.ts': { login: 'outbox_owner', start: async (url) => startProgram('prisma/migrate.ts', { DATABASE_URL: url }) },
  'ingest/main.ts': {
    login: 'ingest',
    start: async (url) => {
      const [port] = await freePorts(1);
      return startProgram('ingest/main.ts', { DATABASE_URL: url, HOST: '127.0.0.1', PORT: String(port), ...(await metricsPort()) });
    },
  },
  'connect/main.ts': {
    login: 'operator',
    start: async (url) =>
      startProgram('connect/main.ts', {
        ...kafkaEnv(config, 'register'),
        ...registryEnv(config, 'writer'),
        ...connectEnv(config),
        DATABASE_URL: url,
      }),
  },
  'watch/main.ts': {
    login: 'operator',
    start: async (url) =>
      startProgram('watch/main.ts', { ...kafkaEnv(config, 'watch'), ...connectEnv(config), DATABASE_URL: url, ...(await metricsPort()) }),
  },
  'cleanup/main.ts': {
    login: 'cleanup',
    start: async (url) =>
      startProgram('cleanup/main.ts', {
        ...{ ...kafkaEnv(config, 'cleanup'), DATABASE_URL: url, ACK_GROUPS: ACK_GROUPS.join(','), DRY_RUN: 'true' },
        ...(await metricsPort()),
      }),
  },
  'operate/main.ts': {
    login: 'operator',
    start: async (url) =>
      startProgram(
        'operate/main.ts',
        { ...kafkaEnv(config, 'operator'), ...connectEnv(config), ...registryEnv(config, 'reader'), DATABASE_URL: url },
        'doctor',
      ),
  },
};

/** The URL of a login with other parameters: none, or those of verify-full with this CA. */
export function urlWith(login: Login, ca: string | undefined): string {
  const url = new URL(databaseUrl(config, login));
  url.search = ca === undefined ? '' : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(ca)}`;
  return url.href;
}

/** A folder of a test's own. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'secured-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A CA that nobody trusts. */
export const foreignAuthority = (): Certificate => makeAuthority(ownFolder(), 'another');

/** Expects that no password of the stack is in a text. */
export function expectNoSecret(text: string): void {
  for (const [name, secret] of Object.entries(config.secrets)) expect([name, text.includes(secret)]).toEqual([name, false]);
}
