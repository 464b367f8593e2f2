import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOOK_ID, isRunId, RUN_ID } from './ids.ts';

const migrations = new URL('../prisma/migrations/', import.meta.url);
const sql = readdirSync(migrations, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => readFileSync(new URL(`${name}/migration.sql`, migrations), 'utf8'))
  .join('\n');

test('the URL and the database accept the same ids', () => {
  for (const column of ['user_id', 'zap_id']) expect(sql).toContain(`zap_run_${column}_check CHECK (${column} ~ '${HOOK_ID.source}')`);
});

test('the id of a run is written in lower case and accepted in capitals', () => {
  const id = '019309c2-0000-7000-8000-00000000000a';
  expect([RUN_ID.test(id), RUN_ID.test(id.toUpperCase()), isRunId(id.toUpperCase()), isRunId(`${id}0`), isRunId('')]).toEqual([
    ...[true, false, true],
    ...[false, false],
  ]);
});
