import { expect, test } from 'vitest';
import { History } from './history.ts';
import type { Snapshot } from './sources.ts';
import { parseMetrics } from './metrics-text.ts';

const snapshot = (at: number, accepted: number, more: Partial<Snapshot> = {}): Snapshot => ({
  ...{ at, metricsAt: at, kafkaAt: at, silent: new Map(), groups: [], end: accepted },
  samples: new Map([['ingest', parseMetrics(`outbox_ingest_requests_total{outcome="recorded"} ${accepted}`)]]),
  ...more,
});

test('a rate is the increase since the previous snapshot, also after a restart of the counter', () => {
  const history = new History();
  expect(history.add(snapshot(0, 100)).accepted).toBeNull();
  expect(history.add(snapshot(1000, 150)).accepted).toBe(50);
  expect(history.add(snapshot(3000, 190)).accepted).toBe(20);
  expect(history.add(snapshot(4000, 7)).accepted).toBe(7);
});

test('a silent service has no number instead of zero', () => {
  const history = new History();
  history.add(snapshot(0, 1));
  expect(history.add(snapshot(1000, 1, { samples: new Map() }))).toMatchObject({ accepted: null, published: 0, depth: null });
});

test('an hour is kept, with a gap while the page was closed', () => {
  const history = new History();
  history.add(snapshot(0, 1));
  history.add(snapshot(60_000, 1));
  expect(history.points.map(({ at }) => at)).toEqual([0, 1000, 60_000]);
  history.add(snapshot(3_700_000, 1));
  expect(history.points.map(({ at }) => at)).toEqual([61_000, 3_700_000].filter((at) => at >= 100_000));
});

test('a group is behind for as long as the topic has been longer than what it has committed', () => {
  const history = new History();
  for (const [at, end] of [
    [0, 10],
    [1000, 20],
    [2000, 30],
    [3000, 40],
  ] as const)
    history.add(snapshot(at, end));
  expect(history.secondsBehind(snapshot(3000, 40), 0)).toBe(0);
  expect(history.secondsBehind(snapshot(3000, 40), 15)).toBe(2);
  expect(history.secondsBehind(snapshot(3000, 40), 40)).toBe(3);
});

test('between two scrapes a rate stays the same', () => {
  const history = new History();
  history.add(snapshot(0, 100));
  history.add(snapshot(3000, 130));
  expect(history.add(snapshot(4000, 130, { metricsAt: 3000 })).accepted).toBe(10);
});
