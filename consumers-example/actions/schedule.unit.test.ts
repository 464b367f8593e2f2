import { describe, expect, test, vi } from 'vitest';
import { parseDuration } from '../../kit/duration.ts';
import { nextState, type Policy } from './schedule.ts';

const scheduleMs = ['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h'].map(parseDuration);
const policy: Policy = { scheduleMs, on4xx: 'retry' };
const now = new Date('2026-11-24T12:00:00Z');
const middle = 0.5;

describe('an attempt', () => {
  test.each([200, 201, 204, 299])('that is answered %i is the last one', (status) => {
    expect(nextState({ status }, 0, policy)).toEqual({ state: 'delivered' });
  });

  test.each([301, 307, 308, 400, 404, 408, 425, 429, 500, 503, 599])('that is answered %i is made again after 5 s', (status) => {
    expect(nextState({ status }, 0, policy, now, middle)).toEqual({ state: 'pending', delayMs: 5000 });
  });

  test('without an answer is made again', () => {
    expect(nextState({ error: 'ECONNREFUSED' }, 1, policy, now, middle)).toEqual({ state: 'pending', delayMs: 300_000 });
  });

  test('follows the schedule, and the tenth is the last', () => {
    const delays = scheduleMs.map((_, attempts) => nextState({ status: 500 }, attempts, policy, now, middle));
    expect(delays).toEqual(scheduleMs.map((delayMs) => ({ state: 'pending', delayMs })));
    expect(nextState({ status: 500 }, scheduleMs.length, policy)).toEqual({ state: 'dead', disables: false });
  });

  test('is spread by a tenth to both sides', () => {
    expect(nextState({ status: 500 }, 0, policy, now, 0)).toEqual({ state: 'pending', delayMs: 4500 });
    expect(nextState({ status: 500 }, 0, policy, now, 1)).toEqual({ state: 'pending', delayMs: 5500 });
  });

  test('that is answered 410 is the last one for its target', () => {
    expect(nextState({ status: 410 }, 0, policy)).toEqual({ state: 'dead', disables: true });
  });

  test.each([400, 401, 404, 422])('that is answered %i is a dead letter where the target says so', (status) => {
    expect(nextState({ status }, 0, { scheduleMs, on4xx: 'dead' })).toEqual({ state: 'dead', disables: false });
  });

  test.each([408, 425, 429, 500, 301])('that is answered %i is made again wherever', (status) => {
    expect(nextState({ status }, 0, { scheduleMs, on4xx: 'dead' })).toMatchObject({ state: 'pending' });
  });
});

describe('Retry-After', () => {
  const after = (retryAfter: string, random = 0) => nextState({ status: 429, retryAfter }, 0, policy, now, random);

  test.each([
    ['60', 60_000],
    ['Tue, 24 Nov 2026 12:10:00 GMT', 600_000],
    // A target cannot put us off for ever.
    ['99999999', 86_400_000],
    ['Tue, 24 Nov 2099 12:10:00 GMT', 86_400_000],
  ])('"%s" puts the next attempt off by %i ms', (header, delayMs) => {
    expect(after(header)).toEqual({ state: 'pending', delayMs });
  });

  test('is never undercut by the spread', () => {
    expect(after('60', 1)).toEqual({ state: 'pending', delayMs: 66_000 });
  });

  test.each(['0', '1', '-5', 'soon', '', 'Tue, 24 Nov 2020 12:10:00 GMT', '1e9'])('"%s" changes nothing', (header) => {
    expect(after(header, middle)).toEqual({ state: 'pending', delayMs: 5000 });
  });
});

test.each([
  ['299.997', 300],
  ['0.5', 1],
  ['Tue, 24 Nov 2026 12:10:00 GMT', 600],
  ['Tuesday, 24-Nov-26 12:10:00 GMT', 600],
  ['Tue Nov 24 12:10:00 2026', 600],
  ['Wed Dec  2 12:00:00 2026', 86_400],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 5],
  ['Tue, 24 Nov 2026 12:10:00 CET', 5],
  ['2026-11-24T12:10:00', 5],
  ['1e3', 5],
  ['-1', 5],
  [' 120 ', 120],
  ['120.0', 120],
  ['0120', 120],
  ['.5', 5],
  ['120.', 5],
  ['+120', 5],
  ['120s', 5],
  ['120, 120', 5],
  ['0x78', 5],
  ['tue, 24 nov 2026 12:10:00 gmt', 600],
  ['Tue, 24 Nov 2026 12:10:00 UTC', 600],
  ['Tue Nov 24 12:10:00 2026 GMT', 5],
  ['Fri, 24 Nov 2026 12:10:00 GMT', 600],
  ['Sat, 31 Feb 2026 12:10:00 GMT', 5],
  ['Tue, 24 Nov 2026 25:10:00 GMT', 5],
  ['Tue, 24 Nov 2026 12:60:00 GMT', 5],
  ['Tue, 24 Foo 2026 12:10:00 GMT', 5],
  ['Thursday, 24-Nov-72 12:10:00 GMT', 86_400],
  ['Saturday, 24-Nov-77 12:10:00 GMT', 5],
])('Retry-After %s means %i seconds, whatever the zone of this machine', (retryAfter, seconds) => {
  vi.stubEnv('TZ', 'America/New_York');
  try {
    const policy = { scheduleMs: [5000], on4xx: 'retry' } as const;
    const next = nextState({ status: 503, retryAfter }, 0, policy, new Date('2026-11-24T12:00:00Z'), 0.5);
    const spread = seconds === 5 ? 1 : 1.05;
    expect(next).toEqual({ state: 'pending', delayMs: Math.max(5000, Math.round(seconds * 1000 * spread)) });
  } finally {
    vi.unstubAllEnvs();
  }
});
