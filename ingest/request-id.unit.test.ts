import { expect, test } from 'vitest';
import { validate, version } from 'uuid';
import { newRequestId } from './request-id.ts';

test('ids are unique UUIDs of version 7 that sort in the order in which they were made', () => {
  const ids = Array.from({ length: 10_000 }, () => newRequestId());
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
});
