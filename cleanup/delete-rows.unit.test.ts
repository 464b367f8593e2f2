import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { parseId } from '../contract/event.ts';
import { deleteRows } from './delete-rows.ts';

const ID = '019a0000-0000-7000-8000-00000000abcd';

describe('parseId', () => {
  test.each([
    ['text', ID],
    ['bytes', Buffer.from(ID)],
  ])('takes a UUID as %s', (_what, header) => {
    expect(parseId(header)).toBe(ID);
  });

  test('accepts capitals', () => {
    expect(parseId(ID.toUpperCase())).toBe(ID.toUpperCase());
  });

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['empty bytes', Buffer.alloc(0)],
    ['several', [ID, ID]],
    ['one in a list', [Buffer.from(ID)]],
    ['no list entries', []],
    ['a UUID in quotes', `"${ID}"`],
    ['a UUID in braces', `{${ID}}`],
    ['a UUID without hyphens', ID.replaceAll('-', '')],
    ['a line break behind it', `${ID}\n`],
    ['a space before it', ` ${ID}`],
    ['a letter that is not a digit', ID.replace('a', 'g')],
    ['a UUID cut off', ID.slice(0, -1)],
    ['two UUIDs', `${ID}${ID}`],
    ['the 16 bytes themselves', Buffer.from(ID.replaceAll('-', ''), 'hex')],
    ['SQL', "'); DROP TABLE zap_run; --"],
  ])('returns undefined for %s', (_what, header) => {
    expect(parseId(header)).toBeUndefined();
  });
});

describe('deleteRows', () => {
  function stubPool(rows: number, seq: string) {
    const statements: { text: string; values: unknown[] }[] = [];
    const query = async (statement: { text: string; values: unknown[] }) => {
      statements.push(statement);
      return { rows: [{ rows, seq }] };
    };
    return { statements, pool: { query } as unknown as Pool };
  }
  const value = Buffer.from('payload');
  const about = { key: Buffer.from('u/z'), type: Buffer.from('T'), traceparent: undefined };
  const sha256 = (...parts: (Buffer | string)[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

  test('sends the ids with the SHA-256 of their bytes, keys and headers in one statement', async () => {
    const { pool, statements } = stubPool(1, '9007199254740993');
    expect(await deleteRows(pool, [{ id: ID, value, ...about }])).toEqual({ rows: 1, seq: 9007199254740993n });
    expect(statements.map(({ values }) => values)).toEqual([[[ID], [sha256(sha256(value), 'u/z\nT\n')]]]);
  });

  test('skips records without a usable id or without a value', async () => {
    const { pool, statements } = stubPool(1, '1');
    await deleteRows(pool, [
      { id: undefined, value, ...about },
      { id: ID, value: null, ...about },
      { id: ID, value, ...about },
    ]);
    expect(statements[0]?.values[0]).toEqual([ID]);
  });

  test('does not call the database when nothing can be deleted', async () => {
    const { pool, statements } = stubPool(0, '0');
    expect(await deleteRows(pool, [])).toEqual({ rows: 0, seq: 0n });
    expect(await deleteRows(pool, [{ id: undefined, value: null, ...about }])).toEqual({ rows: 0, seq: 0n });
    expect(statements).toEqual([]);
  });

  test('deletes nothing in a dry run', async () => {
    const { pool, statements } = stubPool(1, '0');
    await deleteRows(pool, [{ id: ID, value, ...about }], true);
    expect(statements[0]?.text).not.toContain('DELETE');
  });
});
