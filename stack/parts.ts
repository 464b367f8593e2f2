import { fileURLToPath } from 'node:url';
import { ACTIONS_GROUP, CONSUMER_GROUP } from '../contract/kafka-grants.ts';
import { partSettings } from './compose.ts';
import { databaseUrl, echoSecret, type StackConfig } from './config.ts';
import { copiesOf, copyName, copyPort, topicCopies, type PortSetting } from './copies.ts';
import { readHandedFiles, type FilePart } from './files.ts';
import { connectEnv, registryEnv } from './http-logins.ts';
import { kafkaEnv, kafkaFor } from './kafka-logins.ts';
import type { Part } from './keeper.ts';
import { postgresPart } from './postgres.ts';
import { answersOk, groupIsStable } from './probes.ts';
import { connectPart, kafkaPart, registryPart } from './servers.ts';

/** The groups that cleanup waits for. */
export const ACK_GROUPS: readonly string[] = [CONSUMER_GROUP, ACTIONS_GROUP];

/**
 * Every part of the embedded stack: its needs, its command, and its probe.
 *
 * @param env the environment of `make up`, whose settings are passed on to the services
 */
export async function stackParts(config: StackConfig, java: string, env: NodeJS.ProcessEnv): Promise<Part[]> {
  const job = jobsWith(env);
  const copies = (part: string, make: (copy: number) => Part) =>
    copiesOf(config, part).map((copy) => ({ ...make(copy), name: copyName(part, copy) }));
  return [
    await postgresPart(config),
    job('logins', ['postgres'], 'logins.ts', {
      DATABASE_URL: databaseUrl(config, 'postgres', 'postgres'),
      OWNER_PASSWORD: config.secrets.outbox_owner,
      INGEST_PASSWORD: config.secrets.ingest,
      CDC_PASSWORD: config.secrets.cdc,
      CLEANUP_PASSWORD: config.secrets.cleanup,
      OPERATOR_PASSWORD: config.secrets.operator,
      ACTIONS_PASSWORD: config.secrets.actions,
      REGISTRY_PASSWORD: config.secrets.registry,
    }),
    job('migrate', ['logins'], '../prisma/migrate.ts', { DATABASE_URL: databaseUrl(config, 'outbox_owner') }),
    ...copiesOf(config, 'kafka').map((copy) => kafkaPart(config, java, copy)),
    job('acls', [], 'acls.ts', kafkaEnv(config, 'admin')),
    registryPart(config, java),
    ...copiesOf(config, 'connect').map((copy) => connectPart(config, java, copy)),
    job('register', ['migrate', 'registry', 'connect'], '../connect/main.ts', {
      DATABASE_URL: databaseUrl(config, 'operator'),
      ...kafkaEnv(config, 'register'),
      ...registryEnv(config, 'writer'),
      ...connectEnv(config),
      CDC_DATABASE_USER: 'cdc',
      ...topicCopies(config),
    }),
    ...copies('watch', (copy) => ({
      ...job('watch', ['register'], '../watch/main.ts', {
        DATABASE_URL: databaseUrl(config, 'operator'),
        ...connectEnv(config),
        ...kafkaEnv(config, 'watch'),
        ...metricsEnv(config, 'WATCH_METRICS_PORT', copy),
      }),
      probe: () => answersOk(`http://127.0.0.1:${copyPort(config, 'WATCH_METRICS_PORT', copy)}/metrics`),
    })),
    ...copies('ingest', (copy) => ({
      // It needs only Postgres, so that it accepts webhooks while everything else is away.
      ...job('ingest', ['migrate'], '../ingest/main.ts', {
        DATABASE_URL: databaseUrl(config, 'ingest'),
        OTEL_SERVICE_NAME: 'ingest',
        ...fileSettings('ingest', env),
        PORT: String(copyPort(config, 'INGEST_PORT', copy)),
        HOST: '127.0.0.1',
        ...metricsEnv(config, 'INGEST_METRICS_PORT', copy),
      }),
      address: `http://localhost:${copyPort(config, 'INGEST_PORT', copy)}`,
      probe: () => answersOk(`http://127.0.0.1:${copyPort(config, 'INGEST_PORT', copy)}/readyz`),
    })),
    ...copies('cleanup', (copy) => ({
      ...job('cleanup', ['register'], '../cleanup/main.ts', {
        DATABASE_URL: databaseUrl(config, 'cleanup'),
        ...kafkaEnv(config, 'cleanup'),
        ACK_GROUPS: ACK_GROUPS.join(','),
        ...metricsEnv(config, 'CLEANUP_METRICS_PORT', copy),
      }),
      // Also when it has stopped deleting: the command that ends that needs the rest of the stack.
      probe: () => answersOk(`http://127.0.0.1:${copyPort(config, 'CLEANUP_METRICS_PORT', copy)}/metrics`),
    })),
    ...copies('consumer', (copy) => ({
      ...job('consumer', ['register'], '../consumers-example/main.ts', {
        ...kafkaEnv(config, 'consumer'),
        ...registryEnv(config, 'reader'),
        GROUP_ID: CONSUMER_GROUP,
        OTEL_SERVICE_NAME: 'consumers-example',
        ...metricsEnv(config, 'CONSUMER_METRICS_PORT', copy),
      }),
      probe: () => groupIsStable(kafkaFor(config, 'consumer'), CONSUMER_GROUP),
    })),
    echoPart(config, job),
    ...copies('actions', (copy) => ({
      ...job('actions', ['register'], '../consumers-example/actions/main.ts', {
        ...fileSettings('actions', env),
        DATABASE_URL: databaseUrl(config, 'actions'),
        ...kafkaEnv(config, 'actions'),
        ...registryEnv(config, 'reader'),
        GROUP_ID: ACTIONS_GROUP,
        OTEL_SERVICE_NAME: 'actions',
        ...metricsEnv(config, 'ACTIONS_METRICS_PORT', copy),
        ECHO_URL: `http://127.0.0.1:${config.ECHO_PORT}/`,
        ECHO_SECRET: echoSecret(config),
        ALLOW_TARGETS: [`127.0.0.1:${config.ECHO_PORT}`, env.ALLOW_TARGETS].filter(Boolean).join(','),
      }),
      probe: () => groupIsStable(kafkaFor(config, 'actions'), ACTIONS_GROUP),
    })),
    consolePart(config, job),
  ];
}

const metricsEnv = (config: StackConfig, setting: PortSetting, copy: number) => ({
  METRICS_PORT: String(copyPort(config, setting, copy)),
  METRICS_HOST: '127.0.0.1',
});

/** The page of the pipeline. It needs only Postgres' logins, so that it runs while the rest is away. */
function consolePart(config: StackConfig, job: Job): Part {
  const metrics = (port: number) => `http://127.0.0.1:${port}/metrics`;
  const address = `http://localhost:${config.CONSOLE_PORT}`;
  return {
    ...job('console', ['migrate'], '../operate/console/main.ts', {
      DATABASE_URL: databaseUrl(config, 'operator'),
      ...kafkaEnv(config, 'operator'),
      ...connectEnv(config),
      ...registryEnv(config, 'reader'),
      ACK_GROUPS: ACK_GROUPS.join(','),
      CDC_DATABASE_USER: 'cdc',
      PORT: String(config.CONSOLE_PORT),
      HOST: '127.0.0.1',
      CONSOLE_PASSWORD: config.CONSOLE_PASSWORD ?? '',
      CONSOLE_LOG_DIR: `${config.dir}/logs`,
      INGEST_URL: `http://127.0.0.1:${config.INGEST_PORT}`,
      INGEST_METRICS_URL: metrics(config.INGEST_METRICS_PORT),
      WATCH_METRICS_URL: metrics(config.WATCH_METRICS_PORT),
      CLEANUP_METRICS_URL: metrics(config.CLEANUP_METRICS_PORT),
      CONSUMER_METRICS_URL: metrics(config.CONSUMER_METRICS_PORT),
      ACTIONS_METRICS_URL: metrics(config.ACTIONS_METRICS_PORT),
    }),
    address,
    probe: () => answersOk(`http://127.0.0.1:${config.CONSOLE_PORT}/healthz`),
  };
}

/** The target of the quick start's action. */
function echoPart(config: StackConfig, job: Job): Part {
  const address = `http://127.0.0.1:${config.ECHO_PORT}/`;
  return {
    ...job('echo', [], '../consumers-example/echo/main.ts', {
      PORT: String(config.ECHO_PORT),
      HOST: '127.0.0.1',
      ECHO_SECRET: echoSecret(config),
    }),
    address,
    probe: () => answersOk(address),
  };
}

type Job = (name: string, needs: string[], file: string, given: Record<string, string>) => Part;

/** One of our own TypeScript programs; with a probe it is a service. */
function jobsWith(environment: NodeJS.ProcessEnv): Job {
  return (name, needs, file, given) => {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const env = { ...pick(environment, partSettings(name).handedOn), ...given };
    return { name, needs, command: { file: process.execPath, args: ['--import', 'tsx', path], env } };
  };
}

/** Where a part's file is, and the secrets that it names as `env:`, as they are when the stack is booted. */
function fileSettings(part: FilePart, env: NodeJS.ProcessEnv): Record<string, string> {
  const file = readHandedFiles(env).find((one) => one.part === part);
  return file === undefined ? {} : { [file.setting]: file.path, ...pick(env, file.variables) };
}

/** The variables of these names that are set. */
function pick(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
