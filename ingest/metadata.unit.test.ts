import { describe, expect, test } from 'vitest';
import { codeOf } from '../test/support/code-of.ts';
import { metadataOf } from './metadata.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('a body that is labelled JSON', () => {
  const parse = (body: Uint8Array) => metadataOf(body, 'application/json');

  test.each([
    ['an escaped NUL', '"\\u0000"'],
    ['an escaped lone surrogate', '"\\ud800"'],
    ['an escaped pair of surrogates', '"\\ud83e\\udd8a"'],
    ['a whole number beyond 2^53', '{"n":9007199254740993}'],
    ['a number beyond the doubles', '1e400'],
    ['minus zero', '-0'],
    ['trailing zeros', '1.000'],
    ['a key twice', '{"a":1,"a":2}'],
    ['a prototype key', '{"__proto__":{"x":1}}'],
    ['characters of four bytes', '"🦊𝄞"'],
    ['white space around and within', ' \t\r\n{ "a" : [ 1 , 2 ] }\n'],
    ['null', 'null'],
    ['an empty string', '""'],
    ['an escaped slash', '"\\/"'],
    ['keys out of order', '{"b":1,"a":2,"1":3}'],
  ])('keeps the exact text of %s', (_what, text) => {
    expect(parse(bytes(text))).toBe(text);
  });

  test('treats an empty body as null', () => {
    expect(parse(new Uint8Array())).toBe('null');
  });

  test.each([
    ['NaN', 'NaN'],
    ['Infinity', '-Infinity'],
    ['a trailing comma', '[1,]'],
    ['a comment', '{}//x'],
    ['single quotes', "{'a':1}"],
    ['a leading zero', '01'],
    ['white space only', ' \n'],
    ['two values', '{}{}'],
    ['an end too early', '{"a":'],
    ['a raw line break in a string', '"a\nb"'],
    ['a raw NUL', '\0'],
    ['a form', 'a=1&b=2'],
    ['closing brackets only', ']]]'],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(() => parse(bytes(text)))).toBe('invalid_json');
  });

  test.each([
    ['a byte that never occurs', [0x22, 0xff, 0x22]],
    ['a character cut off', [0x22, 0xf0, 0x9f, 0xa6, 0x22]],
    ['an overlong encoding', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate as bytes', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ])('refuses what is not UTF-8: %s', (_what, body) => {
    expect(codeOf(() => parse(Uint8Array.from(body)))).toBe('invalid_json');
  });

  test.each([
    ['arrays', (depth: number) => '['.repeat(depth) + ']'.repeat(depth)],
    ['objects', (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)],
  ])('takes 128 nested %s and refuses 129', (_what, nested) => {
    expect(parse(bytes(nested(128)))).toBe(nested(128));
    expect(codeOf(() => parse(bytes(nested(129))))).toBe('invalid_json');
  });

  test('counts the deepest place, not the number of brackets', () => {
    const wide = `[${Array.from({ length: 1000 }, () => '[]').join(',')}]`;
    expect(parse(bytes(wide))).toBe(wide);
  });

  test.each([
    ['plain', JSON.stringify('['.repeat(1000))],
    ['after an escaped quote', `"\\"${'{'.repeat(1000)}"`],
    ['after an escaped backslash and an escaped quote', `"\\\\\\"${'['.repeat(1000)}"`],
    ['in a key', `{"${'['.repeat(1000)}":1}`],
  ])('does not count brackets in a string: %s', (_what, text) => {
    expect(parse(bytes(text))).toBe(text);
  });

  test('counts brackets after a string that ends in an escaped backslash', () => {
    const text = `["\\\\",${'['.repeat(128)}${']'.repeat(128)}]`;
    expect(codeOf(() => parse(bytes(text)))).toBe('invalid_json');
  });

  test('refuses five million brackets quickly', () => {
    const body = new Uint8Array(5_000_000).fill(0x5b);
    const began = performance.now();
    expect(codeOf(() => parse(body))).toBe('invalid_json');
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('keeps its message short, however long the body is', () => {
    const body = bytes(`[${'x'.repeat(100_000)}]`);
    expect(() => parse(body)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/s) as string }));
  });
});
