import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { kafkaServices } from '../contract/kafka-grants.ts';
import { readSettings } from '../kit/settings.ts';
import { certificates } from './certificates.ts';
import { copyPort, portsOf } from './copies.ts';
import { settings, type StackSettings } from './settings.ts';

export type StackConfig = StackSettings & {
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
export const brokerAddress = (config: StackConfig) =>
  portsOf(config, 'KAFKA_PORT')
    .map((port) => `127.0.0.1:${port}`)
    .join(',');
export const registryUrl = (config: StackConfig) =>
  `http${config.STACK_TLS ? 's' : ''}://127.0.0.1:${config.REGISTRY_PORT}/apis/ccompat/v7`;
/** Of one worker; each passes on what the other has to do. */
export const connectUrl = (config: StackConfig, copy = 1) => `http://127.0.0.1:${copyPort(config, 'CONNECT_PORT', copy)}`;
