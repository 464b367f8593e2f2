import { existsSync } from 'node:fs';
import { SettingsError } from '../settings.ts';
import { OperateError, type Verb } from './verb.ts';

// `npm run outbox -- <verb>`: what an operator does with a running system.

const verbs: Record<string, Verb> = {};

function help(): string {
  const lines = Object.entries(verbs).map(([name, { usage, about }]) => `  ${`${name} ${usage}`.padEnd(60)} ${about}`);
  return `usage: npm run outbox -- <verb>\n\n${lines.join('\n')}\n`;
}

if (existsSync('.env')) process.loadEnvFile('.env');
const [name = '', ...args] = process.argv.slice(2);
const verb = verbs[name];
try {
  if (verb !== undefined) process.exitCode = await verb.run(args);
  else {
    (name === '' ? process.stdout : process.stderr).write(name === '' ? help() : `USAGE: there is no verb "${name}".\n${help()}`);
    process.exitCode = name === '' ? 0 : 2;
  }
} catch (error) {
  if (!(error instanceof OperateError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
