import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { insertion, rolledBack } from './support/catalog.ts';

describe('metadata', () => {
  const texts = {
    'the escape of NUL': '{"a":"\\u0000"}',
    'half a surrogate pair': '{"a":"\\ud83d","b":"\\udc00\\ud800"}',
    'an integer beyond 2^53': '{"a":9007199254740993,"b":-9223372036854775809}',
    'a number beyond a double': '{"a":1e400,"b":1E-400,"c":0.10000000000000000000001}',
    'minus zero and other spellings': '[-0,-0.0,1.0,1.50,1E2,1e+2]',
    'duplicate keys': '{"b":1,"a":2,"b":3,"":4}',
    'odd white space': ' {\r\n\t"a" :  [ ] ,"b":{ }\n} \n',
    'escapes that need none': '{"\\u0061":"\\/\\u00e9é😀"}',
    'a document that is not an object': '-0',
  };
  it.each(Object.entries(texts))('keeps the exact text of %s', async (_what, text) => {
    await rolledBack('ingest', async (client) => {
      const run = { id: randomUUID(), user_id: 'u', zap_id: 'z', headers: '{}', received_at: new Date(), schema_id: 1 };
      const row = { ...run, metadata: text };
      await client.query(...insertion('zap_run', row));
      const found = await client.query<{ text: string }>('SELECT metadata::text AS text FROM zap_run WHERE id = $1', [row.id]);
      expect(found.rows).toEqual([{ text }]);
    });
  });
});
