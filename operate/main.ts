import { existsSync } from 'node:fs';
import { readSettings, SettingsError } from '../kit/settings.ts';
import { settings } from './config.ts';
import { OperateError, UsageError } from './verb.ts';
import { verbs } from './verbs.ts';

// `npm run outbox -- <verb>`: what an operator does with a running system.

function help(): string {
  const lines = Object.entries(verbs).map(([name, { usage, about }]) => `  ${name} ${usage}\n      ${about}`);
  return `usage: npm run outbox -- <verb>\n\n${lines.join('\n')}\n`;
}

// What is set already stays. The second file is written by the embedded stack while it runs.
for (const file of ['.env', `${process.env.STACK_DIR ?? '.stack'}/operator.env`]) if (existsSync(file)) process.loadEnvFile(file);
const [name = '', ...args] = process.argv.slice(2);
const verb = verbs[name];
try {
  if (verb !== undefined) process.exitCode = await verb.run(args, readSettings(settings, process.env));
  else {
    (name === '' ? process.stdout : process.stderr).write(name === '' ? help() : `USAGE: there is no verb "${name}".\n${help()}`);
    process.exitCode = name === '' ? 0 : 2;
  }
} catch (error) {
  if (!(error instanceof OperateError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
