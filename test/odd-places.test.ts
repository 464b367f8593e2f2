import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { jarsHome } from '../stack/jars.ts';
import { leftovers } from '../stack/process.ts';
import { portSettings } from '../stack/ports.ts';
import { freePorts } from './support/free-ports.ts';
import { uniqueName } from './support/names.ts';
import { waitFor } from './support/wait-for.ts';

/** A copy of this checkout, with the jars that it has fetched already. */
function copyTo(place: string): void {
  const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
    .split('\0')
    .filter(Boolean);
  for (const path of tracked) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    cpSync(path, join(place, path));
  }
  cpSync('prisma/generated', join(place, 'prisma/generated'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(place, 'node_modules'));
  const { jars } = inject('stack');
  cpSync(jarsHome(jars), join(place, '.stack/jars', basename(jarsHome(jars))), { recursive: true });
}

test.runIf(inject('way') === 'embedded')(
  'in a folder with a space and an umlaut and without a language, two make up at once boot one stack, and make down in another time zone ends all of it',
  { timeout: 400_000 },
  async () => {
    // Below .stack, as Postgres must be able to enter it.
    const place = resolve(`.stack/${uniqueName('Häuser & co')}`);
    const ports = await freePorts(portSettings.length);
    const own = Object.fromEntries(portSettings.map((name, index) => [name, String(ports[index])]));
    const make = (verb: string, TZ: string) => {
      const nothing = { LANG: undefined, LC_ALL: undefined, LC_CTYPE: undefined, STACK_JARS: undefined, STACK_DIR: undefined };
      const env = { ...process.env, ...nothing, TZ, STACK: 'embedded', ...own };
      return promisify(execFile)(process.execPath, ['--import', 'tsx', 'stack/cli.ts', verb], { cwd: place, env });
    };
    onTestFinished(async () => {
      await make('down', 'UTC').catch(() => undefined);
      rmSync(place, { recursive: true, force: true });
    });
    copyTo(place);

    const both = await Promise.all([make('up', 'Asia/Kathmandu'), make('up', 'Asia/Kathmandu')]);
    expect(both.map(({ stdout }) => stdout.includes('The stack is up'))).toEqual([true, true]);
    expect(both.filter(({ stdout }) => stdout.includes('is booting this stack. Waiting for it.'))).toHaveLength(1);
    const hook = `http://127.0.0.1:${own.INGEST_PORT}/hooks/catch/123/456`;
    const answer = await fetch(hook, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"from": "Häuser"}' });
    const { id } = (await answer.json()) as { id: string };
    const dir = join(place, '.stack');
    await waitFor('its event arrives', () => readFileSync(join(dir, 'logs/consumer.log'), 'utf8').includes(id), 60_000);
    // What the broker and Postgres keep is where it belongs.
    expect(readFileSync(join(dir, 'kafka/meta.properties'), 'utf8')).toContain('cluster.id');

    const pids = [...leftovers(dir).values()];
    process.kill(leftovers(dir).get('runner') ?? 0, 'SIGKILL');
    await waitFor('the runner is gone', () => !leftovers(dir).has('runner'));
    await make('down', 'America/St_Johns');
    expect(leftovers(dir).size).toBe(0);
    const running = execFileSync('ps', ['-A', '-o', 'pid='], { encoding: 'utf8' }).split('\n').map(Number);
    expect(pids.filter((pid) => running.includes(pid))).toEqual([]);
  },
);
