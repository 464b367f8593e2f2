import { describe, expect, test } from 'vitest';
import { IngestError } from './errors.ts';
import { EVENT_HEADERS, keepHeaders, parseJson, parsePath, parseTraceparent, requireJson } from './webhook.ts';

/** The code of the IngestError that `act` throws; undefined when it throws nothing. */
function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof IngestError) return error.code;
    throw error;
  }
  return undefined;
}

const bytes = (text: string) => new TextEncoder().encode(text);

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

  test.each([[{}], [undefined], [{ userId: 'u' }], [{ userId: 1, zapId: 'z' }], [{ userId: ['u'], zapId: 'z' }]])(
    'refuses %j',
    (params) => {
      expect(codeOf(() => parsePath(params))).toBe('not_found');
    },
  );
});

describe('requireJson', () => {
  test.each([
    [undefined],
    [''],
    ['application/json'],
    ['APPLICATION/JSON'],
    ['application/json; charset=utf-8'],
    ['application/json;charset=UTF-8'],
    ['application/json; charset="utf-8"'],
    ['application/json ; charset=utf8'],
    ['application/json; version=1'],
    ['application/cloudevents+json'],
    ['application/vnd.github.v3+json; charset=utf-8'],
  ])('takes the content type %s', (contentType) => {
    expect(
      codeOf(() => {
        requireJson(contentType, undefined);
      }),
    ).toBeUndefined();
  });

  test.each([
    ['text/plain'],
    ['text/json'],
    ['application/xml'],
    ['application/jsonx'],
    ['application/+json'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/json; charset=latin1'],
    ['application/json; charset=utf-16'],
    ['application/json; version=1; charset=iso-8859-1'],
    ['json'],
    ['application/json, text/plain'],
  ])('refuses the content type %s', (contentType) => {
    expect(
      codeOf(() => {
        requireJson(contentType, undefined);
      }),
    ).toBe('unsupported_media_type');
  });

  test.each([['gzip'], ['br'], ['deflate'], ['identity, gzip']])('refuses the content encoding %s', (encoding) => {
    expect(
      codeOf(() => {
        requireJson('application/json', encoding);
      }),
    ).toBe('unsupported_media_type');
  });

  test('takes the content encoding identity', () => {
    expect(
      codeOf(() => {
        requireJson('application/json', 'identity');
      }),
    ).toBeUndefined();
  });
});

describe('parseJson', () => {
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
    expect(parseJson(bytes(text))).toBe(text);
  });

  test('takes an empty body for null', () => {
    expect(parseJson(new Uint8Array())).toBe('null');
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
    ['a byte order mark', '\ufeff{}'],
    ['a form', 'a=1&b=2'],
    ['closing brackets only', ']]]'],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(() => parseJson(bytes(text)))).toBe('invalid_json');
  });

  test.each([
    ['a byte that never occurs', [0x22, 0xff, 0x22]],
    ['a character cut off', [0x22, 0xf0, 0x9f, 0xa6, 0x22]],
    ['an overlong encoding', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate as bytes', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('refuses what is not UTF-8: %s', (_what, body) => {
    expect(codeOf(() => parseJson(Uint8Array.from(body)))).toBe('invalid_json');
  });

  test.each([
    ['arrays', (depth: number) => '['.repeat(depth) + ']'.repeat(depth)],
    ['objects', (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)],
  ])('takes 128 nested %s and refuses 129', (_what, nested) => {
    expect(parseJson(bytes(nested(128)))).toBe(nested(128));
    expect(codeOf(() => parseJson(bytes(nested(129))))).toBe('invalid_json');
  });

  test('counts the deepest place, not the number of brackets', () => {
    const wide = `[${Array.from({ length: 1000 }, () => '[]').join(',')}]`;
    expect(parseJson(bytes(wide))).toBe(wide);
  });

  test.each([
    ['plain', JSON.stringify('['.repeat(1000))],
    ['after an escaped quote', `"\\"${'{'.repeat(1000)}"`],
    ['after an escaped backslash and an escaped quote', `"\\\\\\"${'['.repeat(1000)}"`],
    ['in a key', `{"${'['.repeat(1000)}":1}`],
  ])('does not count brackets in a string: %s', (_what, text) => {
    expect(parseJson(bytes(text))).toBe(text);
  });

  test('counts brackets after a string that ends in an escaped backslash', () => {
    const text = `["\\\\",${'['.repeat(128)}${']'.repeat(128)}]`;
    expect(codeOf(() => parseJson(bytes(text)))).toBe('invalid_json');
  });

  test('refuses five million brackets quickly', () => {
    const body = new Uint8Array(5_000_000).fill(0x5b);
    const began = performance.now();
    expect(codeOf(() => parseJson(body))).toBe('invalid_json');
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('keeps its message short, however long the body is', () => {
    const body = bytes(`[${'x'.repeat(100_000)}]`);
    expect(() => parseJson(body)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/s) as string }));
  });
});

describe('keepHeaders', () => {
  const from = (given: Record<string, string>) => (name: string) => given[name.toLowerCase()];

  test('keeps what is named and present, under names in lower case', () => {
    const given = { 'x-event-type': 'a', authorization: 'b', 'x-mine': 'c' };
    expect(keepHeaders(['X-Event-Type', 'x-mine', 'x-absent'], from(given))).toEqual({ 'x-event-type': 'a', 'x-mine': 'c' });
  });

  test('keeps an empty value', () => {
    expect(keepHeaders(['a'], from({ a: '' }))).toEqual({ a: '' });
  });

  test('keeps 4,096 bytes of names and values, and not one more', () => {
    expect(keepHeaders(['a'], from({ a: 'x'.repeat(4095) }))).toHaveProperty('a');
    expect(keepHeaders(['a'], from({ a: 'x'.repeat(4096) }))).toEqual({});
    expect(keepHeaders(['a', 'b'], from({ a: 'x'.repeat(4000), b: 'x'.repeat(200) }))).toEqual({ a: 'x'.repeat(4000) });
  });

  test('counts bytes, not characters', () => {
    expect(keepHeaders(['a'], from({ a: 'ä'.repeat(2048) }))).toEqual({});
  });

  test('knows no header by default that proves who somebody is', () => {
    expect(EVENT_HEADERS.filter((name) => /auth|cookie|token|secret|key|signature|hmac|password/i.test(name))).toEqual([]);
  });
});

describe('parseTraceparent', () => {
  const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('gives a valid one back', () => {
    expect(parseTraceparent(valid)).toBe(valid);
  });

  test.each([[undefined], [''], [valid.toUpperCase()], [` ${valid}`], [`${valid}\n`], [`${valid}-x`], [valid.slice(1)], ['00-x-y-01']])(
    'gives null for %j',
    (value) => {
      expect(parseTraceparent(value)).toBeNull();
    },
  );
});
