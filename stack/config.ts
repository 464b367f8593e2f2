import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { kafkaServices } from '../contract/kafka-grants.ts';
import { integer, port, readSettings, secret } from '../kit/settings.ts';
import { certificates } from './certificates.ts';

export const settings = z.object({
  STACK: z.enum(['auto', 'docker', 'embedded']).default('auto').describe('docker, embedded, or auto: Docker if an engine answers'),
  STACK_DIR: z.string().default('.stack').describe('Folder of the passwords, and of the state and logs of the embedded stack'),
  STACK_JARS: z.string().default('.stack/jars').describe('Folder of the jars from Maven Central'),
  POSTGRES_BIN: z
    .string()
    .optional()
    .describe('Folder with initdb and postgres, 16 or newer; none: Postgres 17 from npm. Embedded stack only'),
  START_TIMEOUT_SECONDS: integer(5, 3600).default(120).describe('Deadline for a part to be healthy'),
  INGEST_PORT: port().default(3002).describe('Port for webhooks'),
  POSTGRES_PORT: port().default(5433).describe('Port of Postgres; not 5432, where many machines run their own'),
  KAFKA_PORT: port().default(9092).describe('Port of the Kafka broker'),
  KAFKA_CONTROLLER_PORT: port().default(9093).describe("Port of Kafka's KRaft controller"),
  REGISTRY_PORT: port().default(8081).describe('Port of the schema registry'),
  REGISTRY_MANAGEMENT_PORT: port().default(8082).describe("Port of the registry's health and metrics"),
  CONNECT_PORT: port().default(8083).describe("Port of Kafka Connect's REST interface"),
  INGEST_METRICS_PORT: port().default(9401).describe("Port of ingest's metrics"),
  CLEANUP_METRICS_PORT: port().default(9402).describe("Port of cleanup's metrics"),
  WATCH_METRICS_PORT: port().default(9403).describe("Port of the watchdog's metrics"),
  CONSUMER_METRICS_PORT: port().default(9404).describe("Port of the typed consumer's metrics"),
  ACTIONS_METRICS_PORT: port().default(9405).describe("Port of the action consumer's metrics"),
  ECHO_PORT: port().default(3003).describe('Port of the echo target, which shows the actions of the quick start'),
  CONSOLE_PORT: port().default(3004).describe('Port of the page of the pipeline'),
  UI_PORT: port().default(8080).describe('Port of the Kafka UI'),
  PROMETHEUS_PORT: port().default(9090).describe('Port of Prometheus, once make metrics has started it'),
  GRAFANA_PORT: port().default(3000).describe('Port of Grafana, which make metrics starts in Docker'),
  CONSOLE_PASSWORD: secret()
    .min(12)
    .optional()
    .describe('Password of the page of the pipeline. Without it: generated in Docker, no login on loopback in the embedded stack'),
  EXACTLY_ONCE: z
    .enum(['enabled', 'disabled'])
    .default('disabled')
    .describe('Whether Connect writes events and its position in one Kafka transaction: no repeats after a crash of Connect'),
  STACK_TLS: z
    .stringbool()
    .default(false)
    .describe(
      'true: Postgres, Kafka and the registry of the embedded stack accept only TLS, with certificates that it makes with openssl, and Kafka requires a client certificate',
    ),
  KAFKA_HEAP_MB: integer(128, 65_536).default(320).describe('Java heap of the broker'),
  CONNECT_HEAP_MB: integer(128, 65_536).default(320).describe('Java heap of Kafka Connect'),
  REGISTRY_HEAP_MB: integer(96, 65_536).default(192).describe('Java heap of the registry'),
});

export type StackConfig = Readonly<z.output<typeof settings>> & {
  /** Absolute path of the state. */
  dir: string;
  /** Absolute path of the jars. */
  jars: string;
  /** Passwords, made once per stack and kept in its folder. */
  secrets: Secrets;
};

export const logins = ['postgres', 'outbox_owner', 'ingest', 'cdc', 'cleanup', 'operator', 'actions', 'registry'] as const;
export type Login = (typeof logins)[number];

/** The logins of Kafka; `admin` is the broker itself, the stack, its tests and its benchmarks. */
export const kafkaPrincipals = ['admin', ...kafkaServices] as const;
export type KafkaPrincipal = (typeof kafkaPrincipals)[number];
const kafkaSecretName = <P extends KafkaPrincipal>(principal: P) => `kafka_${principal}` as const;

/**
 * `echo` is not a login: the action consumer signs with it, and the echo target verifies. `console` is the page's password,
 * `connect` that of Connect's REST interface; `registry_writer` and `registry_reader` are the registry's users.
 */
const httpSecrets = ['echo', 'console', 'connect', 'registry_writer', 'registry_reader'] as const;
const secretNames = [...logins, ...httpSecrets, ...kafkaPrincipals.map(kafkaSecretName)] as const;
type Secrets = Readonly<Record<(typeof secretNames)[number], string>>;

/** The settings of this stack, from the environment and `.env`. */
export function readStackConfig(env: NodeJS.ProcessEnv): StackConfig {
  const values = readSettings(settings, env);
  const dir = resolve(values.STACK_DIR);
  return { ...values, dir, jars: resolve(values.STACK_JARS), secrets: readSecrets(dir) };
}

/** The umask of everything that the stack writes: logs and Kafka's files hold the bodies of webhooks. */
export const PRIVATE = 0o077;

/** A login's URL on this stack's Postgres. */
export function databaseUrl(config: StackConfig, login: Login, database = 'outbox'): string {
  const url = `postgresql://${login}:${config.secrets[login]}@127.0.0.1:${config.POSTGRES_PORT}/${database}`;
  return config.STACK_TLS ? `${url}?${verifyFull(config)}` : url;
}

/** The parameters by which a client of Postgres verifies its certificate; the same for Node and for Java. */
export const verifyFull = ({ dir }: StackConfig): string => `sslmode=verify-full&sslrootcert=${encodeURIComponent(certificates(dir).ca)}`;

/** Others may pass through it, as Postgres may have to run as another user, but not look around. */
function makeStateFolder(dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (let path = dir; basename(path) === '.stack' || path === dir; path = dirname(path)) chmodSync(path, 0o711);
}

// Random and never a default: a stack that is exposed by mistake has no password that is known from a README.
function readSecrets(dir: string): Secrets {
  const path = join(dir, 'secrets.json');
  const kept = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<Secrets>) : {};
  // A stack that an earlier version made lacks what came since.
  const secrets = Object.fromEntries(secretNames.map((name) => [name, kept[name] ?? randomBytes(18).toString('hex')]));
  if (Object.keys(kept).length < secretNames.length) {
    makeStateFolder(dir);
    writeFileSync(path, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  }
  return secrets as Secrets;
}

/** The password of a login of Kafka. */
export const kafkaSecret = ({ secrets }: StackConfig, principal: KafkaPrincipal): string => secrets[kafkaSecretName(principal)];
/** A container listens beyond its own loopback, so there the page always has a login. */
export const consolePassword = ({ CONSOLE_PASSWORD, secrets }: StackConfig) => CONSOLE_PASSWORD ?? secrets.console;
/** The echo target's, in the form of Standard Webhooks. */
export const echoSecret = ({ secrets }: StackConfig) => `whsec_${Buffer.from(secrets.echo).toString('base64')}`;
export const brokerAddress = (config: StackConfig) => `127.0.0.1:${config.KAFKA_PORT}`;
export const registryUrl = (config: StackConfig) =>
  `http${config.STACK_TLS ? 's' : ''}://127.0.0.1:${config.REGISTRY_PORT}/apis/ccompat/v7`;
export const connectUrl = (config: StackConfig) => `http://127.0.0.1:${config.CONNECT_PORT}`;
