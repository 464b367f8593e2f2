import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { chooseStack, findRunning, possibleStacks } from './choose.ts';
import { PRIVATE, readStackConfig, type StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { tryLock } from './lock.ts';
import { checkNode } from './node-version.ts';
import type { Stack } from './stack.ts';
import { describeStack } from './status.ts';
import { SettingsError } from '../kit/settings.ts';

// The commands behind make's targets: up, down, nuke, status, logs, ui, metrics.

if (existsSync('.env')) process.loadEnvFile('.env');
process.umask(PRIVATE);
const say = (line: string) => process.stdout.write(`${line}\n`);

const verbs: Record<string, (argument: string | undefined) => Promise<void>> = {
  up: async () => {
    const warning = checkNode(process.versions.node);
    if (warning !== undefined) process.stderr.write(`${warning}\n`);
    const config = readStackConfig(process.env);
    const release = await untilAlone(config.dir);
    const { stack, downloads, boot } = await bootStack(config).finally(release);
    const first = stack.way === 'docker' ? 'for the images' : 'of downloads';
    say(`\nThe stack is up after ${boot.toFixed(1)} s${downloads > 0 ? `, and ${downloads.toFixed(1)} s ${first} before` : ''}.\n`);
    say('Post a webhook:');
    say(
      `  curl -X POST http://localhost:${config.INGEST_PORT}/hooks/catch/123/456 -H 'Content-Type: application/json' -d '{"someData": "value"}'`,
    );
    const login = stack.way === 'docker' || config.CONSOLE_PASSWORD !== undefined;
    say(`See the pipeline as a page: http://localhost:${config.CONSOLE_PORT}${login ? passwordHint(config) : ''}`);
    say('Then see its event arrive:  make logs PART=consumer');
    say('The state of each part:     make status');
    say('Topics, groups, records:    make ui');
  },
  down: async () => {
    for (const stack of await possibleStacks(readStackConfig(process.env))) await stack.down();
    say('The stack is down. Its state stays; make nuke removes it.');
  },
  nuke: async () => {
    const config = readStackConfig(process.env);
    const stacks = await possibleStacks(config);
    for (const stack of stacks) await stack.nuke();
    const docker = stacks.some(({ way }) => way === 'docker');
    // Volumes that cannot be reached now were made with these passwords.
    if (docker || !existsSync(`${config.dir}/compose.env`)) rmSync(`${config.dir}/secrets.json`, { force: true });
    else say('Docker does not answer: the state of the stack in Docker stays. Run make nuke again when it does.');
    say(`The stack is down and its state is gone. The downloaded jars stay in ${config.jars}.`);
  },
  status: async () => {
    const config = readStackConfig(process.env);
    const stack = await running();
    say(await describeStack(config, stack, (await stack.status()) ?? []));
  },
  logs: async (part) => {
    const { file, args, env } = (await running()).followLogs(part);
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    await new Promise((resolve) => child.once('exit', resolve));
  },
  ui: async () => (await running()).ui(say),
  metrics: async () => (await running()).metrics(say),
};

async function bootStack(config: StackConfig) {
  const stack = await chooseStack(config, say);
  return { stack, ...(await stack.up(say)) };
}

const passwordHint = ({ CONSOLE_PASSWORD, STACK_DIR }: StackConfig) =>
  `  (password: ${CONSOLE_PASSWORD === undefined ? `"console" in ${STACK_DIR}/secrets.json` : 'CONSOLE_PASSWORD'})`;

/** Two that boot the same stack at once would each end what the other starts. */
async function untilAlone(dir: string): Promise<() => void> {
  for (let told = false; ; told = true) {
    const lock = tryLock(`${dir}/up.lock`);
    if (typeof lock !== 'number') return lock;
    if (!told) say(`Another make up (process ${lock}) is booting this stack. Waiting for it.`);
    await delay(200);
  }
}

async function running(): Promise<Stack> {
  const stack = await findRunning(readStackConfig(process.env));
  if (stack === undefined) throw new StackError('NOT_RUNNING', 'The stack does not run. Start it with: make up');
  return stack;
}

try {
  const [name = '', argument] = process.argv.slice(2);
  const verb = verbs[name];
  if (verb === undefined) throw new StackError('USAGE', `usage: stack/cli.ts ${Object.keys(verbs).join('|')}`);
  await verb(argument);
} catch (error) {
  if (!(error instanceof StackError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
