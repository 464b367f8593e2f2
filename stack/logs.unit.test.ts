import { closeSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logPath, openLog, readLog, rotate } from './logs.ts';

let dir: string;
let path: string;
let log: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'logs-'));
  mkdirSync(join(dir, 'logs'));
  path = logPath(dir, 'part');
  log = openLog(path);
});
afterEach(() => {
  closeSync(log);
  rmSync(dir, { recursive: true });
});

test('a log that grows too large is rotated while its part keeps writing, and the oldest files are dropped', () => {
  for (const line of ['first', 'second', 'third', 'fourth']) {
    writeSync(log, `${line}\n`);
    rotate(path, 3);
  }
  writeSync(log, 'fifth\n');
  expect(readFileSync(path, 'utf8')).toBe('fifth\n');
  expect(readdirSync(join(dir, 'logs')).sort()).toEqual(['part.log', 'part.log.1', 'part.log.2']);
  expect(readLog(dir, 'part')).toBe('third\nfourth\nfifth\n');
});

test('a small log stays as it is', () => {
  writeSync(log, 'line\n');
  rotate(path, 100);
  expect(readLog(dir, 'part')).toBe('line\n');
  expect(readdirSync(join(dir, 'logs'))).toEqual(['part.log']);
});

test('no other user may read a log or its rotated files', () => {
  writeSync(log, 'a body that a webhook brought\n');
  rotate(path, 1);
  for (const file of [path, `${path}.1`]) expect(statSync(file).mode & 0o077).toBe(0);
});
