import { existsSync } from 'node:fs';
import { readSettings } from '../kit/settings.ts';
import { administratorSettings, settings } from './config.ts';
import { operate } from './program.ts';

// `npm run outbox -- <verb>`. Variables that are already set stay. The embedded stack writes the second file while it runs.
for (const file of ['.env', `${process.env.STACK_DIR ?? '.stack'}/operator.env`]) if (existsSync(file)) process.loadEnvFile(file);

const output = {
  say: (line: string) => process.stdout.write(`${line}\n`),
  warn: (line: string) => process.stderr.write(`${line}\n`),
};
const read = {
  operator: () => readSettings(settings, process.env),
  administrator: () => readSettings(administratorSettings, process.env),
};
process.exitCode = await operate(process.argv.slice(2), read, output);
