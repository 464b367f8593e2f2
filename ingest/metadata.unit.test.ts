import { describe, expect, test } from 'vitest';
import { IngestError } from './errors.ts';
import { parseForm } from './form.ts';
import { parseJson, parserFor } from './metadata.ts';

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

describe('parserFor', () => {
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
    expect(codeOf(() => parserFor(contentType, undefined))).toBeUndefined();
  });

  test.each([
    ['text/plain'],
    ['text/json'],
    ['application/xml'],
    ['application/jsonx'],
    ['application/+json'],
    ['application/octet-stream'],
    ['application/x-www-form-urlencoded; charset=latin1'],
    ['multipart/mixed; boundary=x'],
    ['application/json; charset=latin1'],
    ['application/json; charset=utf-16'],
    ['application/json; version=1; charset=iso-8859-1'],
    ['json'],
    ['application/json, text/plain'],
  ])('refuses the content type %s', (contentType) => {
    expect(codeOf(() => parserFor(contentType, undefined))).toBe('unsupported_media_type');
  });

  test.each([['gzip'], ['br'], ['deflate'], ['identity, gzip']])('refuses the content encoding %s', (encoding) => {
    expect(codeOf(() => parserFor('application/json', encoding))).toBe('unsupported_media_type');
  });

  test('takes the content encoding identity', () => {
    expect(codeOf(() => parserFor('application/json', 'identity'))).toBeUndefined();
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

describe('parseForm', () => {
  const form = (text: string) => parseForm(Buffer.from(text, 'latin1'));

  test.each([
    ['fields in their order', 'b=1&a=2&1=3', '{"b":"1","a":"2","1":"3"}'],
    ['a repeated field', 'a=1&b=2&a=3', '{"a":["1","3"],"b":"2"}'],
    ['fields without a value', 'a&b=', '{"a":"","b":""}'],
    ['a value with an equals sign', 'a=b=c', '{"a":"b=c"}'],
    ['a field without a name', '=x', '{"":"x"}'],
    ['plus and escapes', 'a+b=c%20d%2B%26%3D', '{"a b":"c d+&="}'],
    ['characters of four bytes, escaped and raw', `a=%F0%9F%A6%8A${Buffer.from('🦊').toString('latin1')}`, '{"a":"🦊🦊"}'],
    ['a percent sign that begins no escape', 'a=100%&b=%zz', '{"a":"100%","b":"%zz"}'],
    ['an escaped NUL', 'a=%00', '{"a":"\\u0000"}'],
    ['prototype keys', '__proto__=1&constructor=2&__proto__=3', '{"__proto__":["1","3"],"constructor":"2"}'],
    ['brackets, which mean nothing', 'a[b]=1&a[]=2', '{"a[b]":"1","a[]":"2"}'],
    ['empty pairs', '&&a=1&', '{"a":"1"}'],
    ['nothing', '', 'null'],
  ])('makes an object of %s', (_what, text, json) => {
    expect(form(text)).toBe(json);
    expect(() => JSON.parse(json) as unknown).not.toThrow();
  });

  test('takes a thousand fields and refuses one more', () => {
    expect(form('a&'.repeat(1000))).toBe(`{"a":[${Array(1000).fill('""').join(',')}]}`);
    expect(() => form('a&'.repeat(1001))).toThrow('The form has more than 1000 fields.');
  });

  test.each(['a=%ff', '%c0%af=1', 'a=\xff', 'a=%ed%a0%80'])('refuses what is not UTF-8: %s', (text) => {
    expect(codeOf(() => form(text))).toBe('invalid_form');
  });
});

describe('multipart fields', () => {
  const parse = (text: string, type = 'multipart/form-data; boundary="b;1"') => parserFor(type, undefined)(Buffer.from(text, 'utf8'));
  const part = (name: string, value: string, more = '') =>
    `--b;1\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const end = '--b;1--\r\n';

  test.each([
    ['in their order, repeated ones as an array', part('b', '1') + part('a', '2') + part('b', '3'), '{"b":["1","3"],"a":"2"}'],
    ['with line breaks and dashes', part('a', '\r\n--b\r\n--'), '{"a":"\\r\\n--b\\r\\n--"}'],
    ['with prototype keys', part('__proto__', '{"x":1}'), '{"__proto__":"{\\"x\\":1}"}'],
    ['with any characters', part('ä', '🦊'), '{"ä":"🦊"}'],
    ['with an empty value', part('a', ''), '{"a":""}'],
    ['with a type and a charset of UTF-8', part('a', 'ü', '\r\nContent-Type: text/plain; charset=UTF-8'), '{"a":"ü"}'],
    ['of a thousand', Array.from({ length: 1000 }, () => part('a', 'x')).join(''), `{"a":[${Array(1000).fill('"x"').join(',')}]}`],
    ['after a preamble', 'This is MIME.\r\n--b;1x\r\n' + part('a', 'x'), '{"a":"x"}'],
    ['after line breaks', '\r\n\r\n' + part('a', 'x'), '{"a":"x"}'],
    ['before an epilogue', part('a', 'x') + '--b;1--\r\n' + part('b', 'y'), '{"a":"x"}'],
    ['with lines that end in LF', (part('a', 'x') + part('b', '')).replaceAll('\r\n', '\n'), '{"a":"x","b":""}'],
    ['with spaces after a delimiter', part('a', 'x').replace('--b;1', '--b;1 \t'), '{"a":"x"}'],
    ['with a line that begins like a delimiter', part('a', '1\r\n--b;12\r\n3'), '{"a":"1\\r\\n--b;12\\r\\n3"}'],
    ['with a quote in a name', part('a\\"b', 'x'), '{"a\\"b":"x"}'],
    ['with a name that is not quoted', '--b;1\r\ncontent-disposition:form-data;name=a\r\n\r\nx\r\n', '{"a":"x"}'],
    ['with a folded header', '--b;1\r\nContent-Disposition: form-data;\r\n name="a"\r\n\r\nx\r\n', '{"a":"x"}'],
  ])('become an object of strings: %s', (_what, parts, json) => {
    expect(parse(parts + end)).toBe(json);
  });

  test.each([
    ['a file', part('a', 'x', '; filename="a.txt"') + end, 'unsupported_media_type'],
    ['a file without a name', part('a', 'x', '; filename=""') + end, 'unsupported_media_type'],
    ['bytes', part('a', 'x', '\r\nContent-Type: application/octet-stream') + end, 'unsupported_media_type'],
    ['a charset other than UTF-8', part('a', 'x', '\r\nContent-Type: text/plain; charset=latin1') + end, 'unsupported_media_type'],
    ['no end', part('a', 'x'), 'invalid_form'],
    ['another boundary', '--c\r\n\r\nx\r\n--c--', 'invalid_form'],
    ['a part without a name', '--b;1\r\nContent-Disposition: form-data\r\n\r\nx\r\n' + end, 'invalid_form'],
    ['too large a header', part('a'.repeat(10_000), 'x') + end, 'invalid_form'],
    ['headers that do not end', '--b;1\r\na: b\r\n' + end, 'invalid_form'],
    ['a thousand and one fields', Array.from({ length: 1001 }, () => part('a', 'x')).join('') + end, 'invalid_form'],
  ])('are refused with %s', (_what, body, code) => {
    expect(codeOf(() => parse(body))).toBe(code);
  });

  test('are refused when they are not UTF-8', () => {
    const body = Buffer.from(part('a', '\xff') + end, 'latin1');
    expect(codeOf(() => parserFor('multipart/form-data; boundary="b;1"', undefined)(body))).toBe('invalid_form');
  });

  test('are refused with a boundary of more than 70 characters, however long the body is', () => {
    const type = (length: number) => `multipart/form-data; boundary=${'b'.repeat(length)}`;
    const body = (length: number) => (part('a', 'x') + end).replaceAll('b;1', 'b'.repeat(length));
    expect(parse(body(70), type(70))).toBe('{"a":"x"}');
    expect(() => parse(body(71), type(71))).toThrow('The boundary has 71 characters; 70 are allowed.');
  });

  test('need a boundary, unless there is nothing', () => {
    expect(codeOf(() => parse('x', 'multipart/form-data'))).toBe('invalid_form');
    expect(parse('', 'multipart/form-data')).toBe('null');
  });
});
