import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { logPath } from './logs.ts';
import { start } from './process.ts';

test('a part gets what its description gives it, and of the surroundings only what every program needs', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'process-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const name of ['CLOUD_SECRET_KEY', 'DATABASE_URL', 'NPM_TOKEN', 'NODE_OPTIONS', 'PGPASSWORD', 'http_proxy'])
    vi.stubEnv(name, '/nobody/elses');
  vi.stubEnv('TZ', 'UTC');
  const args = ['-e', 'console.log(JSON.stringify(process.env))'];
  await once(start(dir, 'part', { file: process.execPath, args, env: { OWN: 'yes' } }), 'exit');
  const env = JSON.parse(readFileSync(logPath(dir, 'part'), 'utf8')) as Record<string, string>;
  expect(env).toMatchObject({ OWN: 'yes', TZ: 'UTC' });
  expect(JSON.stringify(env)).not.toContain('elses');
  const known = /^(OWN|PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS)$/;
  expect(Object.keys(env).filter((name) => !known.test(name))).toEqual([]);
});

test('nobody else may read what a part writes, or which processes there are', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'process-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const child = start(dir, 'part', { file: process.execPath, args: ['-e', ''] });
  const paths = ['logs', 'run', 'logs/part.log', 'run/part.pid'].map((path) => join(dir, path));
  for (const path of paths) expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
  await once(child, 'exit');
});
