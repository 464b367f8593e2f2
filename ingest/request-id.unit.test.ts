import { validate, version } from 'uuid';
import { expect, test } from 'vitest';
import { newRequestId } from './request-id.ts';

test('a thousand ids are a thousand different UUIDs of version 7, in the order of their milliseconds', () => {
  const began = Date.now();
  const ids = Array.from({ length: 1000 }, newRequestId);
  expect(new Set(ids).size).toBe(1000);
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  const times = ids.map((id) => parseInt(id.replace('-', '').slice(0, 12), 16));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBeGreaterThanOrEqual(began);
  expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
});
