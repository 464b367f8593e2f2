import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { databaseUrl } from '../../stack/config.ts';
import { registryEnv } from '../../stack/http-logins.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { freePorts } from './free-ports.ts';
import { uniqueName } from './names.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';

export const SECRET = `whsec_${randomBytes(24).toString('base64')}`;
export const OLD_SECRET = `whsec_${randomBytes(24).toString('base64')}`;

export interface Arrived {
  /** webhook-id */
  id: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

export interface ActionTarget {
  url: string;
  arrived: Arrived[];
  ids: () => Set<string>;
}

/** A webhook that keeps what arrives and answers as the test sets; 204 by default. It is closed with its test. */
export async function actionTarget(answer?: (arrived: Arrived, response: ServerResponse) => void): Promise<ActionTarget> {
  const arrived: Arrived[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers } = request;
      const one = { id: String(headers['webhook-id']), headers, body: Buffer.concat(chunks).toString(), at: Date.now() };
      arrived.push(one);
      if (answer === undefined) response.writeHead(204).end();
      else answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrived,
    ids: () => new Set(arrived.map(({ id }) => id)),
  };
}

export interface ActionService {
  metrics: () => Promise<string>;
  /** Its log lines so far, parsed. */
  log: () => Record<string, unknown>[];
  /** Writes another actions.json. */
  rewrite: (content: unknown) => void;
  kill: () => Promise<void>;
  stop: () => Promise<void>;
  /** Starts it again, with the same group and the same file. */
  start: () => Promise<void>;
  groupId: string;
}

/** The action consumer as a process of its own: a group, an actions.json and metrics of its own, on the stack's Kafka and Postgres. */
export async function actionService(targets: Record<string, object>, env: Record<string, string> = {}): Promise<ActionService> {
  const folder = mkdtempSync(join(tmpdir(), 'actions-'));
  const file = join(folder, 'actions.json');
  const logFile = join(folder, 'log');
  const groupId = uniqueName('actions');
  const [port = 0] = await freePorts(1);
  let child: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const rewrite = (content: unknown) => writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  rewrite({ targets });

  const log = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

  async function start(): Promise<void> {
    const out = openSync(logFile, 'a');
    const settings = {
      DATABASE_URL: databaseUrl(config, 'actions'),
      ...{ ...kafkaEnv(config, 'admin'), ...registryEnv(config, 'reader'), GROUP_ID: groupId, METRICS_PORT: String(port) },
      ...{ ACTIONS_FILE: file, ALLOW_TARGETS: '127.0.0.0/8', LEASE_SECONDS: '4', ACTIONS_ENV: '*SECRET', SECRET, OLD_SECRET, ...env },
    };
    const args = ['--import', 'tsx', 'consumers-example/actions/main.ts'];
    const started = spawn(process.execPath, args, { env: { ...process.env, ...settings }, stdio: ['ignore', out, out] });
    child = started;
    ended = new Promise((resolve) => started.once('exit', resolve));
    // A lag is told once the group has its partitions.
    await waitFor(
      'the action consumer has joined its group',
      async () => {
        if (started.exitCode !== null) throw new Error(`it ended:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
        return (await metrics()).includes('outbox_consumer_lag_records{');
      },
      60_000,
    );
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    child?.kill(signal);
    await ended;
  }
  onTestFinished(async () => {
    await end('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await start();
  return { metrics, log, rewrite, groupId, start, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
