import { expect, test } from 'vitest';
import { findJsonFault, MAX_DEPTH } from './json-text.ts';

const isJson = (text: string) => findJsonFault(Buffer.from(text)) === undefined;

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Every text of at most `length` of these pieces. */
function texts(pieces: readonly string[], length: number): string[] {
  if (length === 0) return [''];
  return [...new Set(['', ...texts(pieces, length - 1).flatMap((text) => pieces.map((piece) => text + piece))])];
}

test.each([
  ['structure', ['{', '}', '[', ']', ',', ':', '"a"', '1'], 5],
  ['numbers', ['-', '+', '0', '7', '.', 'e', 'E'], 5],
  ['strings', ['"', '\\', 'u', 'n', 'x', '0041', '\n', '\u007f', '/'], 5],
  ['literals', ['true', 'tru', 'e', 'false', 'null', 'nul', 'l', 't', 'n', 'f', ' '], 3],
  ['white space', [' ', '\t', '\r', '\n', '\f', '\v', '\u00a0', '\ufeff', '1'], 4],
])('says the same as JSON.parse of every short text: %s', (_what, pieces, length) => {
  expect(texts(pieces, length).filter((text) => isJson(text) !== parses(text))).toEqual([]);
});

test('says the same as JSON.parse of a text that is cut off or changed anywhere', () => {
  const text = '{"a":[1,-0.5e+10,true,false,null,{"b\\u00e9\\"":"c\\\\/"},[]],"🦊":{}, "d" : [ {"e":[[]]} , "" ]}';
  const variants = Array.from(text).flatMap((_character, at) => [
    text.slice(0, at),
    text.slice(at),
    text.slice(0, at) + text.slice(at + 1),
    ...Array.from('{}[],:"\\0e. \u0000').map((character) => text.slice(0, at) + character + text.slice(at + 1)),
  ]);
  expect(variants.filter((one) => isJson(one) !== parses(one))).toEqual([]);
});

test('names the place, and says when the end is missing', () => {
  expect(findJsonFault(Buffer.from('{"a":x}'))).toBe('unexpected byte at position 5');
  expect(findJsonFault(Buffer.from('{"a":'))).toBe('it ends too early');
  expect(findJsonFault(Buffer.from(''))).toBe('it ends too early');
  expect(findJsonFault(Buffer.from('[1] x'))).toBe('unexpected byte at position 4');
  expect(findJsonFault(Buffer.from('['.repeat(MAX_DEPTH + 1)))).toBe('nested deeper than 128 levels');
});

test('looks at its own bytes only, not at what lies around them', () => {
  expect(findJsonFault(Buffer.from('[1234]').subarray(1, 3))).toBeUndefined();
});
