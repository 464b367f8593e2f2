import { describe, expect, test } from 'vitest';
import type { TopicSnapshot } from './kafka.ts';
import type { RememberedTopic } from './state.ts';
import { createGuard } from './topic-guard.ts';

const snapshot = (differs: Partial<TopicSnapshot> = {}): TopicSnapshot => ({
  clusterId: 'c',
  starts: new Map([[0, 0n]]),
  ends: new Map([[0, 100n]]),
  cleanupPolicy: 'delete',
  own: new Map([[0, 50n]]),
  groups: new Map([['g', new Map([[0, 60n]])]]),
  ...differs,
});
const remembered: RememberedTopic = { clusterId: 'c', stop: undefined, ends: new Map([[0, 100n]]) };

describe('cleanup continues', () => {
  test.each<[string, RememberedTopic | undefined, TopicSnapshot]>([
    ['when the topic is unchanged', remembered, snapshot()],
    ['when it has grown', remembered, snapshot({ ends: new Map([[0, 101n]]) })],
    ['when it is seen for the first time', undefined, snapshot()],
    ['when a group was set back', remembered, snapshot({ groups: new Map([['g', new Map([[0, 0n]])]]) })],
    ['when records were removed after it had read them', remembered, snapshot({ starts: new Map([[0, 50n]]) })],
    ['when it has no position yet and old records were removed', remembered, snapshot({ own: new Map(), starts: new Map([[0, 50n]]) })],
  ])('%s', (_when, before, now) => {
    const guard = createGuard();
    expect([guard(before, now), guard(before, now), guard(before, now)]).toEqual([undefined, undefined, undefined]);
  });
});

describe('cleanup stops at once', () => {
  test.each<[string, string, Partial<TopicSnapshot>]>([
    ['CLUSTER_CHANGED', 'when it is another cluster', { clusterId: 'other' }],
    ['TOPIC_SHRANK', 'when a partition ends earlier than it did', { ends: new Map([[0, 99n]]) }],
    ['TOPIC_SHRANK', 'when a partition is gone', { ends: new Map([[1, 500n]]) }],
    ['CLEANUP_POLICY', 'when the topic is compacted', { cleanupPolicy: 'compact' }],
    ['CLEANUP_POLICY', 'when the topic is compacted and deleted', { cleanupPolicy: 'compact,delete' }],
    [
      'PARTITIONS_GREW',
      'when partitions were added',
      {
        ends: new Map([
          [0, 100n],
          [1, 0n],
        ]),
      },
    ],
    ['POSITION_OUT_OF_RANGE', 'when records were removed that it had not read', { starts: new Map([[0, 51n]]) }],
  ])('with %s %s', (code, _when, differs) => {
    expect(createGuard()(remembered, snapshot(differs))?.code).toBe(code);
  });

  test('with CLEANUP_POLICY even when it sees the topic for the first time', () => {
    expect(createGuard()(undefined, snapshot({ cleanupPolicy: 'compact' }))?.code).toBe('CLEANUP_POLICY');
  });
});

describe('a position beyond the end', () => {
  test.each<[string, Partial<TopicSnapshot>]>([
    ['of a group', { groups: new Map([['g', new Map([[0, 101n]])]]) }],
    ['of a group on a partition that is not there', { groups: new Map([['g', new Map([[7, 1n]])]]) }],
    ['of cleanup itself', { own: new Map([[0, 101n]]) }],
  ])('%s stops cleanup when it is seen three times in a row', (_whose, differs) => {
    const guard = createGuard();
    const codes = [1, 2, 3].map(() => guard(remembered, snapshot(differs))?.code);
    expect(codes).toEqual([undefined, undefined, 'COMMITTED_BEYOND_END']);
  });

  test('does not stop cleanup when it was correct in between', () => {
    const guard = createGuard();
    const beyond = snapshot({ own: new Map([[0, 101n]]) });
    const codes = [beyond, beyond, snapshot(), beyond, beyond].map((one) => guard(remembered, one)?.code);
    expect(codes).toEqual(Array.from({ length: 5 }, () => undefined));
  });
});
