import { existsSync, rmSync } from 'node:fs';
import { down, up } from './up.ts';
import { order } from './client.ts';
import { readStackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { describeStack } from './status.ts';
import { SettingsError } from '../settings.ts';

// What make's targets call: up, down, nuke, status.

if (existsSync('.env')) process.loadEnvFile('.env');
const say = (line: string) => process.stdout.write(`${line}\n`);

const verbs: Record<string, () => Promise<void>> = {
  up: async () => {
    const config = readStackConfig(process.env);
    const { downloads, boot } = await up(config, say);
    say(`\nThe stack is up after ${boot.toFixed(1)} s${downloads > 0 ? `, and ${downloads.toFixed(1)} s of downloads before` : ''}.\n`);
    say('Post a webhook:');
    say(
      `  curl -X POST http://localhost:${config.INGEST_PORT}/hooks/catch/123/456 -H 'Content-Type: application/json' -d '{"someData": "value"}'`,
    );
    say('Then see its event arrive:  make logs PART=consumer');
    say('What runs, and how it is:   make status');
  },
  down: async () => {
    await down(readStackConfig(process.env).dir);
    say('The stack is down. Its state stays; make nuke removes it.');
  },
  nuke: async () => {
    const { dir, jars } = readStackConfig(process.env);
    await down(dir);
    for (const path of ['postgres', 'kafka', 'logs', 'run', 'cds', 'secrets.json', 'kafka.properties']) {
      rmSync(`${dir}/${path}`, { recursive: true, force: true });
    }
    say(`The stack is down and its state is gone. The downloaded jars stay in ${jars}.`);
  },
  status: async () => {
    const config = readStackConfig(process.env);
    const parts = await order(config.dir, 'status');
    if (parts === undefined) throw new StackError('NOT_RUNNING', 'The stack does not run. Start it with: make up');
    say(await describeStack(config, parts));
  },
};

try {
  const verb = verbs[process.argv[2] ?? ''];
  if (verb === undefined) throw new StackError('USAGE', `usage: stack/cli.ts ${Object.keys(verbs).join('|')}`);
  await verb();
} catch (error) {
  if (!(error instanceof StackError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
