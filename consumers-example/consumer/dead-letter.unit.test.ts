import { expect, test } from 'vitest';
import { deadLetter } from './dead-letter.ts';
import { PoisonError } from './errors.ts';

test('a header without a value is dropped, as kafkajs cannot write it, and all others are kept', () => {
  const value = Buffer.from('junk');
  const headers = { id: Buffer.from('a'), traceparent: null as unknown as undefined, twice: [Buffer.from('b'), Buffer.from('c')] };
  const record = { topic: 't', partition: 3, offset: '7', key: Buffer.from('k'), value, headers };
  const letter = deadLetter(record, { groupId: 'g', error: new PoisonError('DECODE_FAILED', 'no'), attempts: 1 });
  expect(letter.value).toBe(value);
  expect(Object.keys(letter.headers ?? {}).slice(0, 3)).toEqual(['id', 'twice', 'dead-letter-reason']);
  expect(letter.headers).toMatchObject({ id: Buffer.from('a'), 'dead-letter-reason': 'DECODE_FAILED', 'dead-letter-partition': '3' });
});
