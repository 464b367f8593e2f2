import { afterEach, expect, test, vi } from 'vitest';
import { createStallWatch } from './stall.ts';

afterEach(() => vi.restoreAllMocks());

/** Reads the stall of partition 0 at a time in seconds. */
function setUp() {
  let time = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => time * 1000);
  const stalledFor = createStallWatch();
  return (seconds: number, at: bigint, cap: bigint, { assigned = [0], refused = -Infinity } = {}) => {
    time = seconds;
    return stalledFor({ assigned, caps: new Map([[0, cap]]), own: new Map([[0, at]]), refusedAt: refused * 1000 });
  };
}

test('counts from the moment when records were ahead and nothing moved', () => {
  const ask = setUp();
  expect([ask(0, 5n, 9n), ask(10, 5n, 9n), ask(25, 5n, 12n)]).toEqual([0, 10, 25]);
});

test('starts over with each step, and is 0 when nothing is to do', () => {
  const ask = setUp();
  expect([ask(0, 5n, 9n), ask(10, 6n, 9n), ask(20, 6n, 9n), ask(30, 9n, 9n), ask(40, 9n, 12n)]).toEqual([0, 0, 10, 0, 0]);
});

test('does not count a partition of another copy', () => {
  const ask = setUp();
  expect([ask(0, 5n, 9n, { assigned: [1] }), ask(99, 5n, 9n, { assigned: [1] })]).toEqual([0, 0]);
});

test('does not count the time in which Postgres failed', () => {
  const ask = setUp();
  expect([ask(0, 5n, 9n), ask(50, 5n, 9n, { refused: 49 }), ask(60, 5n, 9n, { refused: 49 })]).toEqual([0, 1, 11]);
});
