import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { connectService, registryService } from '../kit/http-login.ts';
import { certificates } from './certificates.ts';
import { copiesOf, copyName, copyNames, copyPort } from './copies.ts';
import { connectUrl, registryUrl, verifyFull, type StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { jarsHome, kafkaClasspath, registryHome } from './jars.ts';
import { CONNECT_USER, connectFor, registryFor } from './http-logins.ts';
import { brokerLogins, formatArguments, kafkaEnv, kafkaFor, kafkaProtocol } from './kafka-logins.ts';
import type { Part } from './keeper.ts';
import { writePrivate } from './private-file.ts';
import { answers, brokerAnswers, serviceAnswers } from './probes.ts';
import { execute } from './process.ts';
import { brokerOptions, brokerTls, registryTls } from './secured.ts';

// The Java servers: real ones, from the jars of connect/pom.xml.

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * A serial collector and small heaps: these run on a laptop, next to each other. What the first run loaded is kept
 * in an archive (class data sharing), from which the next start is some seconds faster.
 */
function jvm({ dir }: StackConfig, name: string, heapMb: number): string[] {
  const archive = join(dir, 'cds', `${name}.jsa`);
  mkdirSync(join(dir, 'cds'), { recursive: true });
  return [`-Xms${heapMb / 2}m`, `-Xmx${heapMb}m`, '-XX:+UseSerialGC', '-XX:+AutoCreateSharedArchive', `-XX:SharedArchiveFile=${archive}`];
}
const logging = `-Dlog4j2.configurationFile=${pathToFileURL(here('log4j2.yaml')).href}`;
/** Without it Java cannot open a file whose path is not ASCII, where the machine names no language. */
const LOCALE = { LC_ALL: 'C.UTF-8' };

/** A cluster id is 16 bytes in base64; every embedded stack may have the same, as they never meet. */
const CLUSTER_ID = 'b3V0Ym94LWVtYmVkZGVk';

/** A broker that is its own controller; in a cluster one of three. */
export function kafkaPart(config: StackConfig, java: string, copy = 1): Part {
  const name = copyName('kafka', copy);
  const data = join(config.dir, name);
  const broker = `127.0.0.1:${copyPort(config, 'KAFKA_PORT', copy)}`;
  const controller = (of: number) => `127.0.0.1:${copyPort(config, 'KAFKA_CONTROLLER_PORT', of)}`;
  const voters = copiesOf(config, 'kafka').map((voter) => `${voter}@${controller(voter)}`);
  const own = [
    `log.dirs=${inProperties(data)}`,
    `node.id=${copy}`,
    `listeners=EXTERNAL://${broker},CONTROLLER://${controller(copy)}`,
    `advertised.listeners=EXTERNAL://${broker}`,
    `controller.quorum.voters=${voters.join()}`,
    ...brokerLogins(config, 'EXTERNAL'),
    ...(config.STACK_TLS ? brokerTls(config, 'EXTERNAL') : []),
  ];
  const shared = ['kafka.properties', ...(voters.length > 1 ? ['kafka-cluster.properties'] : [])].map((file) =>
    readFileSync(here(file), 'utf8'),
  );
  const properties = join(config.dir, `${name}.properties`);
  const options = [...jvm(config, name, config.KAFKA_HEAP_MB), logging, ...(config.STACK_TLS ? brokerOptions(config) : [])];
  const base = [...options, '-cp', kafkaClasspath(config.jars)];
  return {
    name,
    needs: [],
    address: broker,
    prepare: async () => {
      writePrivate(properties, [...shared, ...own]);
      const logins = formatArguments(config);
      if (existsSync(join(data, 'meta.properties'))) {
        requireLogins(data, logins);
        return;
      }
      mkdirSync(data, { recursive: true });
      // First, so that data without it was not made by this version.
      writePrivate(join(data, LOGINS), [hashOf(logins)]);
      const file = join(config.dir, `${name}.format`);
      writePrivate(file, logins);
      try {
        await execute(java, [...base, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, `@${file}`], LOCALE);
      } finally {
        rmSync(file);
      }
    },
    command: { file: java, args: [...base, 'kafka.Kafka', properties], env: LOCALE },
    probe: () => brokerAnswers({ ...kafkaFor(config, 'admin'), KAFKA_BROKERS: [broker] }),
  };
}

/** A value of a properties file, which Java reads as Latin-1. */
const inProperties = (text: string) =>
  text.replace(/[^ -~]|\\/g, (unit) => (unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));

/** Kafka takes its first logins when the data folder is made, and only then; what they were is noted in it. */
const LOGINS = 'logins.sha256';
const hashOf = (logins: readonly string[]) =>
  createHash('sha256')
    .update(`${logins.join('\n')}\n`)
    .digest('hex');

/** @throws StackError KAFKA_LOGINS_CHANGED in place of a stack of which no part can log in */
function requireLogins(data: string, logins: readonly string[]): void {
  const path = join(data, LOGINS);
  if (existsSync(path) && readFileSync(path, 'utf8').trim() === hashOf(logins)) return;
  throw new StackError(
    'KAFKA_LOGINS_CHANGED',
    `The data in ${data} was made with other logins, or by a version without any. make nuke removes it with the rest of the state.`,
  );
}

export function registryPart(config: StackConfig, java: string): Part {
  return {
    name: 'registry',
    needs: ['logins'],
    address: registryUrl(config),
    command: {
      file: java,
      // The first compiler only: it serves a few requests an hour, and its start should not keep a core busy.
      args: [
        ...jvm(config, 'registry', config.REGISTRY_HEAP_MB),
        '-XX:TieredStopAtLevel=1',
        '-jar',
        join(registryHome(config.jars), 'quarkus-run.jar'),
      ],
      env: {
        ...LOCALE,
        QUARKUS_HTTP_HOST: '127.0.0.1',
        ...(config.STACK_TLS ? registryTls(config) : { QUARKUS_HTTP_PORT: String(config.REGISTRY_PORT) }),
        QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
        QUARKUS_MANAGEMENT_PORT: String(config.REGISTRY_MANAGEMENT_PORT),
        // The default keeps schemas in memory: after a restart the ids in stored events would point nowhere.
        APICURIO_STORAGE_KIND: 'sql',
        APICURIO_STORAGE_SQL_KIND: 'postgresql',
        APICURIO_DATASOURCE_URL: `jdbc:postgresql://127.0.0.1:${config.POSTGRES_PORT}/registry${config.STACK_TLS ? `?${verifyFull(config)}` : ''}`,
        APICURIO_DATASOURCE_USERNAME: 'registry',
        APICURIO_DATASOURCE_PASSWORD: config.secrets.registry,
        ...registryLogins(config),
      },
    },
    probe: () => serviceAnswers(registryService(registryFor(config, 'reader')), '/subjects'),
  };
}

/** Basic on every path, and two users: one may write schemas, the other may not. */
const registryLogins = ({ secrets }: StackConfig) => ({
  QUARKUS_HTTP_AUTH_BASIC: 'true',
  QUARKUS_HTTP_AUTH_PERMISSION_ALL_PATHS: '/*',
  QUARKUS_HTTP_AUTH_PERMISSION_ALL_POLICY: 'authenticated',
  APICURIO_AUTH_ROLE_BASED_AUTHORIZATION: 'true',
  QUARKUS_SECURITY_USERS_EMBEDDED_PLAIN_TEXT: 'true',
  QUARKUS_SECURITY_USERS_EMBEDDED_USERS_WRITER: secrets.registry_writer,
  QUARKUS_SECURITY_USERS_EMBEDDED_ROLES_WRITER: 'sr-developer',
  QUARKUS_SECURITY_USERS_EMBEDDED_USERS_READER: secrets.registry_reader,
  QUARKUS_SECURITY_USERS_EMBEDDED_ROLES_READER: 'sr-readonly',
});

/** Started by connect/start.sh, as in its container. */
export function connectPart(config: StackConfig, java: string, copy = 1): Part {
  const name = copyName('connect', copy);
  const url = connectUrl(config, copy);
  const state = copy === 1 ? config.dir : join(config.dir, name);
  return {
    name,
    // It would wait by itself, but looks again only every ten seconds.
    needs: [...copyNames(config, 'kafka'), 'acls'],
    address: url,
    prepare: () => void mkdirSync(state, { recursive: true }),
    command: {
      file: 'sh',
      args: [here('../connect/start.sh'), ...jvm(config, name, config.CONNECT_HEAP_MB)],
      cwd: jarsHome(config.jars),
      env: {
        ...LOCALE,
        ...kafkaEnv(config, 'connect'),
        JAVA: java,
        CONNECT_STATE: state,
        CONNECT_JARS: kafkaClasspath(config.jars),
        CONNECT_LOGGING: pathToFileURL(here('log4j2.yaml')).href,
        REST_LOGIN: `${CONNECT_USER}=${config.secrets.connect}`,
        CONNECT_SECURITY_PROTOCOL: kafkaProtocol(config),
        CONNECT_LISTENER: url,
        CONNECT_REPLICATION_FACTOR: String(copiesOf(config, 'kafka').length),
        CONNECT_EXACTLY_ONCE: config.EXACTLY_ONCE,
        CDC_DATABASE_HOST: '127.0.0.1',
        CDC_DATABASE_PORT: String(config.POSTGRES_PORT),
        CDC_DATABASE_NAME: 'outbox',
        CDC_DATABASE_USER: 'cdc',
        CDC_DATABASE_PASSWORD: config.secrets.cdc,
        ...(config.STACK_TLS && { CDC_DATABASE_SSLMODE: 'verify-full', CDC_DATABASE_SSLROOTCERT: certificates(config.dir).ca }),
      },
    },
    probe: () => serviceAnswers(connectService({ ...connectFor(config), CONNECT_URL: url }), '/health'),
    // Not /health, which fails while Kafka is away: a new worker would not help.
    alive: () => answers(url),
  };
}
