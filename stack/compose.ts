import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { echoSecret, logins, settings, type StackConfig } from './config.ts';
import { StackError } from './errors.ts';

// What compose.yaml is filled with: the images' pins from .env.example, and from the stack's own file ports, sizes and
// passwords. The tests start compose.yaml with the same.

export const root = fileURLToPath(new URL('..', import.meta.url));
const composeFile = join(root, 'compose.yaml');
const pinFile = join(root, '.env.example');
const envFile = (dir: string) => join(dir, 'compose.env');

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

/** @throws StackError MISSING_PIN naming each image of compose.yaml that has no pin, and the file to write it into */
export function requirePins(env: NodeJS.ProcessEnv, pins = readPins()): void {
  const missing = composeVariables(/_IMAGE$/).filter((name) => !env[name] && pins[name] === undefined);
  if (missing.length === 0) return;
  throw new StackError(
    'MISSING_PIN',
    `No image is pinned for ${missing.join(', ')}. Write it into ${pinFile}, such as: ${missing[0]}=name:tag`,
  );
}

/** What differs from stack to stack: compose.yaml's variables that are no pins. */
export function composeEnvironment(config: StackConfig): Record<string, string> {
  const chosen = Object.keys(settings.shape).filter((name) =>
    /_(PORT|HEAP_MB|SECONDS|ONCE)$/.test(name),
  ) as (keyof typeof settings.shape)[];
  return {
    COMPOSE_PROJECT_NAME: projectName(config.dir),
    ...Object.fromEntries(chosen.map((name) => [name, String(config[name])])),
    ...Object.fromEntries(logins.map((login) => [`${login.toUpperCase()}_PASSWORD`, config.secrets[login]])),
    ECHO_SECRET: echoSecret(config),
  };
}

/**
 * Writes the stack's file of variables, readable by its owner alone, so that `docker compose` works by hand too.
 *
 * @returns the options that make `docker compose` use it and the pins
 */
export function composeOptions(config: StackConfig): string[] {
  mkdirSync(config.dir, { recursive: true });
  const lines = Object.entries(composeEnvironment(config)).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(envFile(config.dir), lines.join(''), { mode: 0o600 });
  return ['--env-file', pinFile, '--env-file', envFile(config.dir)];
}

/** `docker`'s arguments for a command of compose on this stack. */
export function composeArgs(config: StackConfig, ...command: string[]): string[] {
  return ['compose', '--project-directory', root, '--file', composeFile, ...composeOptions(config), ...command];
}
