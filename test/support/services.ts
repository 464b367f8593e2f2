import { spawn, type ChildProcess } from 'node:child_process';
import { CONSUMER_GROUP } from '../../contract/kafka-grants.ts';
import { databaseUrl } from '../../stack/config.ts';
import { ACK_GROUPS } from '../../stack/parts.ts';
import { freePorts } from './free-ports.ts';
import { connectEnv, registryEnv } from '../../stack/http-logins.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { config } from './stack.ts';

export interface Copy {
  /** Everything it logged so far. */
  log: () => string;
  /** Its exit code; null for a signal. */
  ended: Promise<number | null>;
  /** Asks it to end and waits for it. */
  stop: () => Promise<void>;
}

/** Another copy of cleanup beside the stack's own, with settings of the test's choice. @param of the product's folder */
export async function startCleanup(env: Record<string, string> = {}, of = '.'): Promise<Copy> {
  const [port] = await freePorts(1);
  const settings = {
    DATABASE_URL: databaseUrl(config, 'cleanup'),
    // Its own login may use its own group only.
    ...kafkaEnv(config, env.CLEANUP_GROUP === undefined ? 'cleanup' : 'admin'),
    ACK_GROUPS: ACK_GROUPS.join(','),
    METRICS_PORT: String(port),
    ...env,
  };
  return startProgram('cleanup/main.ts', settings, of);
}

/** Another watchdog, in place of the stack's own, which is stopped. @returns with the port of its metrics */
export async function startWatch(env: Record<string, string> = {}, of = '.'): Promise<Copy & { port: number }> {
  const [port = 0] = await freePorts(1);
  const settings = {
    DATABASE_URL: databaseUrl(config, 'operator'),
    ...kafkaEnv(config, 'watch'),
    ...connectEnv(config),
    METRICS_PORT: String(port),
    ...env,
  };
  const copy = startProgram('watch/main.ts', settings, of);
  return { ...copy, port };
}

/** Runs `npm run register` once more against the stack. @throws with its log when it does not end well */
export async function register(env: Record<string, string> = {}, of = '.'): Promise<void> {
  const settings = {
    DATABASE_URL: databaseUrl(config, 'operator'),
    ...kafkaEnv(config, 'register'),
    ...registryEnv(config, 'writer'),
    ...connectEnv(config),
    ...env,
  };
  const job = startProgram('connect/main.ts', settings, of);
  if ((await job.ended) !== 0) throw new Error(`register failed: ${job.log()}`);
}

/** Runs `npm run migrate`. @throws with its log when it does not end well */
export async function migrate(of = '.'): Promise<void> {
  const job = startProgram('prisma/migrate.ts', { DATABASE_URL: databaseUrl(config, 'outbox_owner') }, of);
  if ((await job.ended) !== 0) throw new Error(`migrate failed: ${job.log()}`);
}

/** The typed consumer once more: another member of its group, unless the test gives a GROUP_ID. */
export async function startConsumer(env: Record<string, string> = {}, of = '.'): Promise<Copy> {
  const [port] = await freePorts(1);
  const settings = {
    // Its own login may use its own group only.
    ...kafkaEnv(config, env.GROUP_ID === undefined ? 'consumer' : 'admin'),
    ...registryEnv(config, 'reader'),
    GROUP_ID: CONSUMER_GROUP,
    METRICS_PORT: String(port),
    ...env,
  };
  return startProgram('consumers-example/main.ts', settings, of);
}

/** Puts the grants of Kafka right once more. @returns its log; @throws with it when it does not end well */
export async function grantAgain(): Promise<string> {
  const job = startProgram('stack/acls.ts', kafkaEnv(config, 'admin'));
  if ((await job.ended) !== 0) throw new Error(`the grants cannot be written: ${job.log()}`);
  return job.log();
}

function startProgram(file: string, env: Record<string, string>, cwd = '.'): Copy {
  let log = '';
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', file], { cwd, env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return {
    log: () => log,
    ended,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
