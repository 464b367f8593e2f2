import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tryLock } from './lock.ts';
import { startedAt } from './process.ts';

function lockPath(): string {
  const dir = mkdtempSync(join(tmpdir(), 'lock-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'up.lock');
}

/** A process that does nothing until it is ended. */
function sleeper() {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('a lock is for one at a time, and free again once it is given back', () => {
  const path = lockPath();
  const release = tryLock(path);
  if (typeof release === 'number') throw new Error('it is held');
  expect(tryLock(path)).toBe(process.pid);
  release();
  expect(tryLock(path)).toBeTypeOf('function');
});

test('a lock is held by another process for as long as that lives, and taken over from one that was killed', async () => {
  const path = lockPath();
  const holder = sleeper();
  writeFileSync(path, `${holder.pid} ${startedAt(holder.pid ?? 0)}`);
  expect(tryLock(path)).toBe(holder.pid);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(tryLock(path)).toBeTypeOf('function');
  expect(readdirSync(join(path, '..'))).toEqual(['up.lock']);
});

test('a lock whose process id was given to another process meanwhile is taken over', () => {
  const path = lockPath();
  writeFileSync(path, `${sleeper().pid} 12 of an earlier boot`);
  expect(tryLock(path)).toBeTypeOf('function');
});

test('when a process was started reads the same in every time zone and language', () => {
  const program = `import(${JSON.stringify(new URL('process.ts', import.meta.url).href)}).then(({ startedAt }) => console.log(startedAt(${process.pid})))`;
  const seen = ['UTC', 'Asia/Kathmandu'].map((TZ) => {
    const env = { ...process.env, TZ, LC_ALL: TZ === 'UTC' ? 'C' : 'de_DE.UTF-8' };
    return spawnSync(process.execPath, ['--import', 'tsx', '--eval', program], { env, encoding: 'utf8' }).stdout.trim();
  });
  expect(seen).toEqual([startedAt(process.pid), startedAt(process.pid)]);
  expect(seen[0]).not.toBe('');
});
