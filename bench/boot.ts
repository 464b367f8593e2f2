import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from './machine.ts';

// `npm run bench:boot`: how long `make up` takes, cold (a fresh clone, empty caches of npm and Maven) and warm (three
// times), and how much memory the stack then uses. It uses the default ports, so no stack may run. Writes
// bench/results/boot.json.

const on = machine();
const folder = mkdtempSync('/var/tmp/outbox-boot-');
const clone = join(folder, 'clone');
const caches = { npm_config_cache: join(folder, 'npm'), MAVEN_OPTS: `-Dmaven.repo.local=${join(folder, 'maven')}` };

function make(verb: string, env: Record<string, string> = {}): { seconds: number; output: string } {
  const began = performance.now();
  const run = spawnSync('make', [verb], { cwd: clone, encoding: 'utf8', env: { ...process.env, STACK: 'embedded', ...env } });
  if (run.status !== 0) throw new Error(`make ${verb} failed: ${run.stderr}`);
  return { seconds: (performance.now() - began) / 1000, output: run.stdout };
}

const number = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? NaN);

try {
  execFileSync('chmod', ['755', folder]);
  execFileSync('git', ['clone', '-q', '.', clone]);
  if (existsSync('.env')) cpSync('.env', join(clone, '.env'));
  const cold = make('up', caches);
  const boot = number(cold.output, /is up after ([\d.]+) s/);
  const maven = number(cold.output, /and ([\d.]+) s of downloads/);
  const warm = [1, 2, 3].map(() => {
    make('down');
    return make('up').seconds;
  });
  const memoryMb = number(make('status').output, /in all\s+(\d+) MB/);
  make('down');
  const result = {
    ...on,
    cold: { seconds: cold.seconds, npmSeconds: cold.seconds - boot - maven, mavenSeconds: maven },
    warm: warm.toSorted((a, b) => a - b),
    memoryMb,
  };
  writeFileSync(new URL('results/boot.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(readFileSync(new URL('results/boot.json', import.meta.url), 'utf8'));
} finally {
  if (existsSync(clone)) spawnSync('make', ['down'], { cwd: clone });
  rmSync(folder, { recursive: true, force: true });
}
