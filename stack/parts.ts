import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { databaseUrl, type StackConfig } from './config.ts';
import { kafkaClasspath, registryHome } from './jars.ts';
import { postgresPart } from './postgres.ts';
import { execute } from './process.ts';
import { answersOk, brokerAnswers, groupIsStable } from './probes.ts';
import type { Part } from './supervisor.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A serial collector and a single heap size: these run on a laptop, next to each other. */
const jvm = (heapMb: number) => [`-Xms${heapMb / 2}m`, `-Xmx${heapMb}m`, '-XX:+UseSerialGC'];
const logging = `-Dlog4j2.configurationFile=${here('log4j2.properties')}`;

/** Every part of the embedded stack, with what it needs, how it is started, and how one sees that it works. */
export async function stackParts(config: StackConfig, java: string): Promise<Part[]> {
  const brokers = `127.0.0.1:${config.KAFKA_PORT}`;
  const registryUrl = `http://127.0.0.1:${config.REGISTRY_PORT}/apis/ccompat/v7`;
  const connectUrl = `http://127.0.0.1:${config.CONNECT_PORT}`;
  const group = 'consumers-example';

  const service = (name: string, needs: string[], file: string, env: Record<string, string>): Part => ({
    name,
    needs,
    command: { file: process.execPath, args: ['--import', 'tsx', here(file)], env },
  });

  return [
    await postgresPart(config),
    service('logins', ['postgres'], 'logins.ts', {}),
    service('migrate', ['logins'], '../prisma/migrate.ts', { DATABASE_URL: databaseUrl(config, 'outbox_owner') }),
    kafkaPart(config, java),
    {
      name: 'registry',
      needs: ['logins'],
      address: registryUrl,
      command: {
        file: java,
        args: [...jvm(config.REGISTRY_HEAP_MB), '-jar', join(registryHome(config.jars), 'quarkus-run.jar')],
        env: {
          QUARKUS_HTTP_HOST: '127.0.0.1',
          QUARKUS_HTTP_PORT: String(config.REGISTRY_PORT),
          QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
          QUARKUS_MANAGEMENT_PORT: String(config.REGISTRY_MANAGEMENT_PORT),
          // The default keeps schemas in memory: after a restart the ids in stored events would point nowhere.
          APICURIO_STORAGE_KIND: 'sql',
          APICURIO_STORAGE_SQL_KIND: 'postgresql',
          APICURIO_DATASOURCE_URL: `jdbc:postgresql://127.0.0.1:${config.POSTGRES_PORT}/registry`,
          APICURIO_DATASOURCE_USERNAME: 'registry',
          APICURIO_DATASOURCE_PASSWORD: config.secrets.registry,
        },
      },
      probe: () => answersOk(`${registryUrl}/subjects`),
    },
    {
      name: 'connect',
      needs: ['kafka'],
      address: connectUrl,
      command: {
        file: java,
        args: [
          ...jvm(config.CONNECT_HEAP_MB),
          logging,
          // The worker's own provider is named in worker.properties; no client may name others (CVE-2024-31141).
          '-Dorg.apache.kafka.automatic.config.providers=org.apache.kafka.common.config.provider.EnvVarConfigProvider',
          ...['-cp', kafkaClasspath(config.jars), 'org.apache.kafka.connect.cli.ConnectDistributed'],
          here('../connect/worker.properties'),
        ],
        cwd: config.jars,
        env: {
          KAFKA_BROKERS: brokers,
          CONNECT_LISTENER: connectUrl,
          CONNECT_REPLICATION_FACTOR: '1',
          CDC_DATABASE_HOST: '127.0.0.1',
          CDC_DATABASE_PORT: String(config.POSTGRES_PORT),
          CDC_DATABASE_NAME: 'outbox',
          CDC_DATABASE_USER: 'cdc',
          CDC_DATABASE_PASSWORD: config.secrets.cdc,
        },
      },
      probe: () => answersOk(`${connectUrl}/health`),
    },
    service('register', ['migrate', 'kafka', 'registry', 'connect'], '../connect/main.ts', {
      DATABASE_URL: databaseUrl(config, 'operator'),
      KAFKA_BROKERS: brokers,
      CONNECT_URL: connectUrl,
      REGISTRY_URL: registryUrl,
    }),
    {
      // Needs Postgres alone: it takes webhooks while everything behind it is away.
      ...service('ingest', ['migrate'], '../ingest/main.ts', {
        DATABASE_URL: databaseUrl(config, 'ingest'),
        PORT: String(config.INGEST_PORT),
        HOST: '127.0.0.1',
      }),
      address: `http://localhost:${config.INGEST_PORT}`,
      probe: () => answersOk(`http://127.0.0.1:${config.INGEST_PORT}/readyz`),
    },
    {
      ...service('cleanup', ['register'], '../cleanup/main.ts', {
        DATABASE_URL: databaseUrl(config, 'cleanup'),
        KAFKA_BROKERS: brokers,
        ACK_GROUPS: group,
      }),
      probe: () => groupIsStable(brokers, 'outbox-cleanup'),
    },
    {
      ...service('consumer', ['register'], '../consumers-example/main.ts', {
        KAFKA_BROKERS: brokers,
        REGISTRY_URL: registryUrl,
        GROUP_ID: group,
      }),
      probe: () => groupIsStable(brokers, group),
    },
  ];
}

function kafkaPart(config: StackConfig, java: string): Part {
  const data = join(config.dir, 'kafka');
  const brokers = `127.0.0.1:${config.KAFKA_PORT}`;
  const controller = `127.0.0.1:${config.KAFKA_CONTROLLER_PORT}`;
  const own = {
    'log.dirs': data,
    listeners: `PLAINTEXT://${brokers},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${brokers}`,
    'controller.quorum.voters': `1@${controller}`,
  };
  const properties = join(config.dir, 'kafka.properties');
  const args = [...jvm(config.KAFKA_HEAP_MB), logging, '-cp', kafkaClasspath(config.jars)];
  return {
    name: 'kafka',
    needs: [],
    address: brokers,
    prepare: async () => {
      const lines = Object.entries(own).map(([name, value]) => `${name}=${value}`);
      writeFileSync(properties, `${readFileSync(here('kafka.properties'), 'utf8')}\n${lines.join('\n')}\n`);
      if (existsSync(join(data, 'meta.properties'))) return;
      mkdirSync(data, { recursive: true });
      const format = ['kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', 'b3V0Ym94LWVtYmVkZGVk', '-c', properties];
      await execute(java, [...args, ...format]);
    },
    command: { file: java, args: [...args, 'kafka.Kafka', properties] },
    probe: () => brokerAnswers(brokers),
  };
}
