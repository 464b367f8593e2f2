import { describe, expect, test } from 'vitest';
import { codeOf } from '../../test/support/code-of.ts';
import { parseForm } from './form.ts';

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
    ['nothing', '&', '{}'],
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
