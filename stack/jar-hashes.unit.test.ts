import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashFiles, toLines, wrongFiles } from './jar-hashes.ts';

let folder: string;
let listed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jars-'));
  for (const name of ['kafka', 'plugins/debezium', 'build']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'kafka/a.jar'), 'a');
  writeFileSync(join(folder, 'plugins/debezium/b.jar'), 'b');
  listed = toLines(hashFiles(folder));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('files that match the list pass, whatever was built beside them', () => {
  writeFileSync(join(folder, 'plugins/debezium/outbox-queue.jar'), 'ours');
  writeFileSync(join(folder, 'build/x.class'), 'ours');
  expect(wrongFiles(folder, listed)).toEqual([]);
});

test('a changed, a missing and an unlisted file are each reported', () => {
  writeFileSync(join(folder, 'kafka/a.jar'), 'another');
  rmSync(join(folder, 'plugins/debezium/b.jar'));
  writeFileSync(join(folder, 'kafka/c.jar'), 'c');
  expect(wrongFiles(folder, listed)).toEqual(['kafka/a.jar', 'kafka/c.jar', 'plugins/debezium/b.jar']);
});

test('the list names the jars of all three folders', () => {
  const missing = wrongFiles(folder);
  for (const start of ['kafka/kafka_2.13-', 'plugins/debezium/debezium-connector-postgres-', 'registry/lib/main/'])
    expect(missing.some((path) => path.startsWith(start))).toBe(true);
});
