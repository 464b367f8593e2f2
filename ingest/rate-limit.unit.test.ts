import { describe, expect, test } from 'vitest';
import { IngestError } from './errors.ts';
import { createRateLimit } from './rate-limit.ts';

/** A rate limit on a clock that only `pass` moves, and how many of `count` requests at once it lets through. */
function setUp(limits: { perZap?: number; total?: number; burstSeconds?: number }) {
  let now = 1000;
  const rateLimit = createRateLimit(
    {
      RATE_LIMIT_PER_ZAP: limits.perZap ?? 0,
      RATE_LIMIT_TOTAL: limits.total ?? 0,
      RATE_LIMIT_BURST_SECONDS: limits.burstSeconds ?? 1,
    },
    'webhooks',
    () => now,
  );
  const hookOf = (zapId: string) => ({ userId: 'u', zapId });
  /** 0, or the seconds that the sender is told to wait. */
  const take = (zapId: string) => {
    try {
      rateLimit.take(hookOf(zapId));
      return 0;
    } catch (error) {
      if (error instanceof IngestError && error.code === 'rate_limited') return error.retryAfter;
      throw error;
    }
  };
  const admitted = (zapId: string, count: number) => Array.from({ length: count }, () => take(zapId)).filter((wait) => wait === 0).length;
  return {
    take,
    giveBack: (zapId: string) => rateLimit.giveBack(hookOf(zapId)),
    admitted,
    pass: (seconds: number) => (now += seconds * 1000),
  };
}

test('without a limit every request has a place', () => {
  expect(setUp({}).admitted('z', 10_000)).toBe(10_000);
});

describe('a limit per zap', () => {
  test('lets a burst through, then as many as come back per second', () => {
    const { admitted, pass } = setUp({ perZap: 10, burstSeconds: 3 });
    expect(admitted('z', 100)).toBe(30);
    pass(1);
    expect(admitted('z', 100)).toBe(10);
    pass(0.25);
    expect(admitted('z', 100)).toBe(2);
    pass(1000);
    expect(admitted('z', 100)).toBe(30);
  });

  test('says after how many seconds there is a place again', () => {
    const { take, admitted, pass } = setUp({ perZap: 0.2, burstSeconds: 1 });
    expect(admitted('z', 5)).toBe(1);
    expect(take('z')).toBe(5);
    pass(3.5);
    expect(take('z')).toBe(2);
    pass(1.5);
    expect(take('z')).toBe(0);
  });

  test('of one zap is nothing to another', () => {
    const { admitted } = setUp({ perZap: 5 });
    expect([admitted('a', 9), admitted('b', 9)]).toEqual([5, 5]);
  });

  test('is kept over hours of a load at the limit', () => {
    const { admitted, pass } = setUp({ perZap: 3 });
    admitted('z', 3);
    let through = 0;
    for (let second = 0; second < 2_000; second += 1) {
      pass(1);
      through += admitted('z', 9);
    }
    expect(through).toBe(6_000);
  });

  test('remembers the latest 50,000 zaps at least and not all, whatever ids are posted to', () => {
    const { take, admitted } = setUp({ perZap: 1 });
    for (let n = 0; n < 150_000; n += 1) take(`${n}`);
    // The latest are known, the first are as if they had never come.
    expect([admitted('149999', 1), admitted('100000', 1), admitted('0', 1)]).toEqual([0, 0, 1]);
  });
});

describe('a limit in total', () => {
  test('holds for all zaps together', () => {
    const { admitted } = setUp({ total: 20 });
    expect(admitted('a', 15) + admitted('b', 15)).toBe(20);
  });

  test('loses nothing to requests that their zap’s limit refuses', () => {
    const { admitted } = setUp({ total: 20, perZap: 5 });
    expect(admitted('a', 1000)).toBe(5);
    expect(admitted('b', 1000)).toBe(5);
    expect(admitted('c', 3) + admitted('d', 9) + admitted('e', 9)).toBe(10);
  });
});

test('a place that is given back can be taken again, by whom it was taken from', () => {
  const { admitted, giveBack } = setUp({ perZap: 5, total: 10 });
  expect(admitted('a', 9)).toBe(5);
  for (let n = 0; n < 3; n += 1) giveBack('a');
  expect(admitted('b', 9)).toBe(5);
  expect(admitted('a', 9)).toBe(3);
  expect(admitted('c', 9)).toBe(0);
});
