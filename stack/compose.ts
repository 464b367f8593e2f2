import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { consolePassword, echoSecret, kafkaPrincipals, kafkaSecret, logins, type StackConfig } from './config.ts';
import { settings } from './settings.ts';
import { StackError } from './errors.ts';

// The values of compose.yaml's variables: the images' pins from .env.example, and ports, sizes and passwords from the
// stack's own file. The tests start compose.yaml with the same values.

export const root = fileURLToPath(new URL('..', import.meta.url));
const composeFile = join(root, 'compose.yaml');
const pinFile = join(root, '.env.example');
const envFile = (dir: string) => join(dir, 'compose.env');
/** What this stack has beside compose.yaml: the files that its settings name. YAML, as all JSON is. */
export const ownFile = (dir: string) => join(dir, 'compose.own.json');

/** Two checkouts, and the tests of one, have containers and volumes of their own. */
export const projectName = (dir: string) => `outbox-${createHash('sha256').update(dir).digest('hex').slice(0, 8)}`;

/** The images that .env.example pins, by the variable's name. */
export function readPins(text = readFileSync(pinFile, 'utf8')): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^([A-Z]+_IMAGE)=(.+)$/gm)].map(([, name = '', image = '']) => [name, image.trim()]));
}

/** The variables of compose.yaml that begin or end so. */
export function composeVariables(pattern: RegExp, text = readFileSync(composeFile, 'utf8')): string[] {
  return [...new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name))].filter((name) => pattern.test(name));
}

interface Service {
  /** A name without a value is handed on from the environment of `make up`, in both ways to run. */
  environment?: Record<string, string | null>;
}

/** The settings of a part: those that the stack gives it, and those that it hands on. */
export function partSettings(part: string): { given: string[]; handedOn: string[] } {
  const { services } = parse(readFileSync(composeFile, 'utf8'), { merge: true }) as { services: Record<string, Service> };
  const names = Object.entries(services[part]?.environment ?? {});
  const which = (isHandedOn: boolean) => names.filter(([, value]) => (value === null) === isHandedOn).map(([name]) => name);
  return { given: which(false), handedOn: which(true) };
}

/** @throws StackError MISSING_PIN naming each image of compose.yaml that has no pin, and the file to write it into */
export function requirePins(env: NodeJS.ProcessEnv, pins = readPins()): void {
  const missing = composeVariables(/_IMAGE$/).filter((name) => !env[name] && pins[name] === undefined);
  if (missing.length === 0) return;
  throw new StackError(
    'MISSING_PIN',
    `No image is pinned for ${missing.join(', ')}. Write it into ${pinFile}, such as: ${missing[0]}=name:tag`,
  );
}

/** The variables of compose.yaml that differ between stacks. The others are pins. */
export function composeEnvironment(config: StackConfig): Record<string, string> {
  const chosen = Object.keys(settings.shape).filter((name) =>
    /_(PORT|HEAP_MB|SECONDS|ONCE)$/.test(name),
  ) as (keyof typeof settings.shape)[];
  return {
    COMPOSE_PROJECT_NAME: projectName(config.dir),
    ...Object.fromEntries(chosen.map((name) => [name, String(config[name])])),
    ...Object.fromEntries(logins.map((login) => [`${login.toUpperCase()}_PASSWORD`, config.secrets[login]])),
    ...Object.fromEntries(kafkaPrincipals.map((one) => [`KAFKA_${one.toUpperCase()}_PASSWORD`, kafkaSecret(config, one)])),
    CONNECT_PASSWORD: config.secrets.connect,
    REGISTRY_WRITER_PASSWORD: config.secrets.registry_writer,
    REGISTRY_READER_PASSWORD: config.secrets.registry_reader,
    ECHO_SECRET: echoSecret(config),
    CONSOLE_PASSWORD: consolePassword(config),
  };
}

/**
 * Writes the stack's file of variables, readable by its owner alone, so that `docker compose` works by hand too.
 *
 * @returns the options that make `docker compose` use it and the pins
 */
export function composeOptions(config: StackConfig): string[] {
  mkdirSync(config.dir, { recursive: true });
  // By hand, too, a service must not start without the files that say who may use it.
  const files = { COMPOSE_FILE: composeFiles(config.dir).join(':') };
  const lines = Object.entries({ ...composeEnvironment(config), ...files }).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(envFile(config.dir), lines.join(''), { mode: 0o600 });
  return ['--env-file', pinFile, '--env-file', envFile(config.dir)];
}

/** compose.yaml and the stack's own file, where `make up` has written one. */
export function composeFiles(dir: string): string[] {
  return [composeFile, ownFile(dir)].filter((path) => existsSync(path));
}

/** `docker`'s arguments for a command of compose on this stack. */
export function composeArgs(config: StackConfig, ...command: string[]): string[] {
  const files = composeFiles(config.dir).flatMap((path) => ['--file', path]);
  return ['compose', '--project-directory', root, ...files, ...composeOptions(config), ...command];
}
