import { describe, expect, test } from 'vitest';
import { codeOf } from '../../test/support/code-of.ts';
import { metadataOf } from '../metadata.ts';

describe('multipart fields', () => {
  const parse = (text: string, type = 'multipart/form-data; boundary="b;1"') => metadataOf(Buffer.from(text, 'utf8'), type);
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
    ['no end', part('a', 'x'), 'invalid_form'],
    ['another boundary', '--c\r\n\r\nx\r\n--c--', 'invalid_form'],
    ['a part without a name', '--b;1\r\nContent-Disposition: form-data\r\n\r\nx\r\n' + end, 'invalid_form'],
    ['too large a header', part('a'.repeat(10_000), 'x') + end, 'invalid_form'],
    ['headers that do not end', '--b;1\r\na: b\r\n' + end, 'invalid_form'],
    ['a thousand and one fields', Array.from({ length: 1001 }, () => part('a', 'x')).join('') + end, 'invalid_form'],
  ])('are refused with %s', (_what, body, code) => {
    expect(codeOf(() => parse(body))).toBe(code);
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
