import { describe, expect, test } from 'vitest';
import { elementsOf, valueAt } from './json-walk.ts';

describe('the elements of an array', () => {
  test.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1]', ['1']],
    [' [ {"a": [1, 2]} ,\n"x,]\\"" , -1e5,null,[[ ]] ] ', ['{"a": [1, 2]}', '"x,]\\""', '-1e5', 'null', '[[ ]]']],
    ['["\\\\",{"}":"{"}]', ['"\\\\"', '{"}":"{"}']],
    ['{"a":[1]}', undefined],
    ['"[1]"', undefined],
    ['17', undefined],
  ])('of %s', (text, elements) => {
    expect(elementsOf(text, 100)).toEqual(elements);
  });

  test('are no more than one beyond what is asked for', () => {
    expect(elementsOf('[1,2,3,4,5]', 3)).toHaveLength(4);
  });
});

describe('the value at a path', () => {
  const text = ' { "id" : "evt_1", "n":9007199254740993, "a": [ {"b": true} , [ 1, 2.0 ] ], "\\u0064":"x", "id" : "last", "":{"":1} } ';

  test.each([
    ['id', '"last"'],
    ['n', '9007199254740993'],
    ['a.0.b', 'true'],
    ['a.1.1', '2.0'],
    ['a.1', '[ 1, 2.0 ]'],
    ['d', '"x"'],
    ['.', '1'],
    ['a.2', undefined],
    ['a.x', undefined],
    ['id.x', undefined],
    ['missing', undefined],
    ['__proto__', undefined],
  ])('%s', (path, value) => {
    expect(valueAt(text, path.split('.'))).toBe(value);
  });

  test('is the whole without steps', () => {
    expect(valueAt(' 1 ', [])).toBe('1');
  });
});
