import { expect, test } from 'vitest';
import { deliveryIdOf, idempotencySchema } from './idempotency.ts';

const key = (given: unknown, headers: Record<string, string | string[]>, json: string) =>
  deliveryIdOf(idempotencySchema.parse(given), headers, () => json);

test.each<[string, unknown, Record<string, string | string[]>, string, string | undefined]>([
  ['a header that the hook names', { headers: ['svix-id'] }, { 'svix-id': 'msg_A' }, '', 'msg_A'],
  ['the first of several that is there', { headers: ['a', 'b'] }, { b: '2' }, '', '2'],
  ['a field of the body', { json: 'id' }, {}, '{"id":"evt_1"}', 'evt_1'],
  ['a nested field', { json: 'data.0.id' }, {}, '{"data":[{"id":"\\u0061"}]}', 'a'],
  ['a number, exactly', { json: 'n' }, {}, '{"n":9007199254740993}', '9007199254740993'],
  ['a header rather than the body', { headers: ['a'], json: 'id' }, { a: '1' }, '{"id":"2"}', '1'],
  ['nothing for an object', { json: 'id' }, {}, '{"id":{"a":1}}', undefined],
  ['nothing for null', { json: 'id' }, {}, '{"id":null}', undefined],
  ['nothing for an empty text', { headers: ['a'], json: 'id' }, { a: '' }, '{"id":""}', undefined],
  ['nothing for a header that is there twice', { headers: ['a'] }, { a: ['1', '2'] }, '', undefined],
  [
    'a hash of what cannot be a key',
    { headers: ['a'] },
    { a: 'order 17 / line 2' },
    '',
    expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
  ],
  [
    'a hash of what is too long',
    { json: 'id' },
    {},
    `{"id":"${'x'.repeat(256)}"}`,
    expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
  ],
])('the key of a post is %s', (_what, given, headers, json, wanted) => {
  expect(key(given, headers, json)).toEqual(wanted);
});
