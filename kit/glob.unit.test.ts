import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';

test('matching takes time linear in the length of the text', () => {
  const began = performance.now();
  for (let n = 0; n < 1000; n += 1) expect(matchesGlob('*a*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(64))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
  expect(['*', '', 'a*', '*c', 'a*c', 'a*b*c', '*a*b*c*', 'abc'].filter((pattern) => matchesGlob(pattern, 'abc'))).toHaveLength(7);
  expect(['ab*bc', 'a*d', 'abc*c', 'b*'].filter((pattern) => matchesGlob(pattern, 'abc'))).toEqual([]);
});
