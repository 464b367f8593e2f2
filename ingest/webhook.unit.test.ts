import { describe, expect, test } from 'vitest';
import { codeOf } from '../test/support/code-of.ts';
import { EVENT_HEADERS, keepHeaders, parseIdempotencyKey, parsePath, traceparentOf } from './webhook.ts';

describe('parsePath', () => {
  test.each(['1', 'a', 'A-b_9', '-', '_', '0'.repeat(64), 'constructor', '__proto__'])('takes "%s" as either id', (id) => {
    expect(parsePath({ userId: id, zapId: 'z' })).toEqual({ userId: id, zapId: 'z' });
    expect(parsePath({ userId: 'u', zapId: id })).toEqual({ userId: 'u', zapId: id });
  });

  test.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['two dots', '..'],
    ['a decoded slash', 'a/b'],
    ['a slash that was encoded twice', 'a%2Fb'],
    ['NUL', 'a\0'],
    ['a line break at the end', 'a\n'],
    ['65 characters', 'a'.repeat(65)],
    ['a space', 'a b'],
    ['a space at the end', 'a '],
    ['an emoji', '🦊'],
    ['full-width digits', '\uff11\uff12'],
    ['a letter with a dot on it', 'ä'],
    ['a quote', "a'"],
    ['a lone surrogate', '\ud800'],
  ])('refuses %s as either id', (_what, id) => {
    expect(codeOf(() => parsePath({ userId: id, zapId: 'z' }))).toBe('not_found');
    expect(codeOf(() => parsePath({ userId: 'u', zapId: id }))).toBe('not_found');
  });

  test.each([[{}], [{ userId: 'u' }], [{ zapId: 'z' }]])('refuses %j', (params) => {
    expect(codeOf(() => parsePath(params))).toBe('not_found');
  });
});

describe('keepHeaders', () => {
  const keep = (names: string[], headers: Record<string, string>) => keepHeaders(new Set(names), headers);

  test('keeps what is named and present, in the order in which it came', () => {
    const given = { 'x-mine': 'c', authorization: 'b', 'x-event-type': 'a' };
    expect(Object.entries(keep(['x-event-type', 'x-mine', 'x-absent'], given))).toEqual([
      ['x-mine', 'c'],
      ['x-event-type', 'a'],
    ]);
  });

  test('keeps an empty value', () => {
    expect(keep(['a'], { a: '' })).toEqual({ a: '' });
  });

  test('keeps 4,096 bytes of names and values, and not one more', () => {
    expect(keep(['a'], { a: 'x'.repeat(4095) })).toHaveProperty('a');
    expect(keep(['a'], { a: 'x'.repeat(4096) })).toEqual({});
    expect(keep(['a', 'b'], { a: 'x'.repeat(4000), b: 'x'.repeat(200) })).toEqual({ a: 'x'.repeat(4000) });
  });

  test('counts bytes, not characters', () => {
    expect(keep(['a'], { a: 'ä'.repeat(2048) })).toEqual({});
  });

  test('knows no header by default that proves who somebody is', () => {
    expect(EVENT_HEADERS.filter((name) => /auth|cookie|token|secret|key|signature|hmac|password/i.test(name))).toEqual([]);
  });
});

describe('parseIdempotencyKey', () => {
  test('takes Idempotency-Key, else webhook-id, else nothing', () => {
    expect(parseIdempotencyKey({ 'idempotency-key': 'a', 'webhook-id': 'b' })).toBe('a');
    expect(parseIdempotencyKey({ 'webhook-id': 'msg_1' })).toBe('msg_1');
    expect(parseIdempotencyKey({})).toBeNull();
  });

  test.each(['!', '~', '"a"', 'x'.repeat(255)])('takes %s', (key) => {
    expect(parseIdempotencyKey({ 'idempotency-key': key })).toBe(key);
  });

  test.each(['', ' ', 'a b', 'a, b', 'ä', 'a\t', '\x7f', 'x'.repeat(256)])('refuses "%s", and does not fall back', (key) => {
    expect(codeOf(() => parseIdempotencyKey({ 'idempotency-key': key, 'webhook-id': 'b' }))).toBe('invalid_idempotency_key');
    expect(codeOf(() => parseIdempotencyKey({ 'webhook-id': key }))).toBe('invalid_idempotency_key');
  });
});

describe('traceparentOf', () => {
  const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const requestId = '019a0000-0000-7000-8000-000000000001';
  const made = '00-019a0000000070008000000000000001-8000000000000001-01';

  test('gives a valid one back', () => {
    expect(traceparentOf(valid, requestId)).toBe(valid);
  });

  test.each(['cc-…', 'cc-…-', 'cc-…-what', 'cc-…-01-02', '01-…-x'])('takes the fields that it knows of a later version: %s', (later) => {
    expect(traceparentOf(later.replace('…', valid.slice(3)), requestId)).toBe(`00-${valid.slice(3)}`);
  });

  test.each([
    [undefined],
    [''],
    [`ff-${valid.slice(3)}`],
    [`cc-${valid.slice(3)}x`],
    [valid.toUpperCase()],
    [` ${valid}`],
    [`${valid}\n`],
    [`${valid}-x`],
    [valid.slice(1)],
    ['00-x-y-01'],
  ])('makes one from the id of the request for %j', (value) => {
    expect(traceparentOf(value, requestId)).toBe(made);
  });
});
