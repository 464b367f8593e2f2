import { expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

test.each([
  ['500ms', 500],
  ['5s', 5000],
  ['1.5m', 90_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
])('the duration %s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 's', '-5s', '5 s', '5w', '1e3s', '5S', `${'9'.repeat(20)}d`])('"%s" is not a duration', (text) => {
  expect(parseDuration(text)).toBeNaN();
});
