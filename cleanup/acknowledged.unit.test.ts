import type { Admin } from 'kafkajs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCaps, lowest } from './acknowledged.ts';
import type { Offsets } from '../kit/kafka-admin.ts';
import { readSnapshot } from './kafka.ts';

const offsets = (...entries: [partition: number, offset: bigint][]) => new Map(entries);

describe('lowest', () => {
  test('is nothing for nothing', () => {
    expect(lowest([])).toEqual(offsets());
  });

  test('takes the lower offset per partition, whatever the order', () => {
    const a = offsets([0, 5n], [1, 9n]);
    const b = offsets([0, 7n], [1, 2n]);
    expect(lowest([a, b])).toEqual(offsets([0, 5n], [1, 2n]));
    expect(lowest([b, a])).toEqual(offsets([0, 5n], [1, 2n]));
  });

  test('acknowledges nothing of a partition that another group lacks', () => {
    expect(lowest([offsets([0, 7n], [1, 3n]), offsets([1, 3n])])).toEqual(offsets([0, 0n], [1, 3n]));
    expect(lowest([offsets([1, 3n]), offsets([0, 7n], [1, 3n])])).toEqual(offsets([1, 3n]));
  });

  test('keeps offsets above 2^53 exact', () => {
    expect(lowest([offsets([0, 9007199254740993n]), offsets([0, 9007199254740995n])])).toEqual(offsets([0, 9007199254740993n]));
  });
});

describe('the cap with groups', () => {
  const caps = (ends: Offsets, ...groups: Offsets[]) => createCaps(0)({ ends, groups: new Map(groups.map((one, n) => [`g${n}`, one])) });

  test('is what every group has committed', () => {
    expect(caps(offsets([0, 99n], [1, 99n]), offsets([0, 10n], [1, 4n]), offsets([0, 7n], [1, 9n]))).toEqual(offsets([0, 7n], [1, 4n]));
  });

  test('is 0 where one group is beyond the end of the log and others are not', () => {
    expect(caps(offsets([0, 5n], [1, 9n]), offsets([0, 10n], [1, 9n]), offsets([0, 5n], [1, 9n]))).toEqual(offsets([0, 0n], [1, 9n]));
  });

  test('is 0 for a partition where one group has no position', () => {
    expect(caps(offsets([0, 99n]), offsets([0, 10n]), offsets()).get(0)).toBe(0n);
  });
});

describe('the snapshot of Kafka', () => {
  /** An admin client that returns the committed offsets of each group, by partition. */
  const adminWith = (committed: Record<string, string[]>) =>
    ({
      describeCluster: async () => ({ clusterId: 'c' }),
      fetchOffsets: async ({ groupId, topics }: { groupId: string; topics: string[] }) => {
        const entry = committed[groupId];
        if (entry === undefined) throw new Error('no coordinator');
        return topics.map((topic) => ({ topic, partitions: entry.map((offset, partition) => ({ partition, offset })) }));
      },
      fetchTopicOffsets: async () => [{ partition: 0, offset: '12', high: '12', low: '3' }],
      describeConfigs: async () => ({ resources: [{ configEntries: [{ configName: 'cleanup.policy', configValue: 'compact' }] }] }),
    }) as unknown as Admin;

  test('treats a position of −1 as 0 for a group and as none for cleanup itself', async () => {
    const admin = adminWith({ own: ['-1', '5'], a: ['-1', '9'] });
    expect(await readSnapshot(admin, { topic: 't', group: 'own', ackGroups: ['a'] })).toEqual({
      clusterId: 'c',
      starts: offsets([0, 3n]),
      ends: offsets([0, 12n]),
      cleanupPolicy: 'compact',
      own: offsets([1, 5n]),
      groups: new Map([['a', offsets([0, 0n], [1, 9n])]]),
    });
  });

  test('fails when one of the groups cannot be read', async () => {
    const admin = adminWith({ own: ['1'], a: ['1'] });
    await expect(readSnapshot(admin, { topic: 't', group: 'own', ackGroups: ['a', 'b'] })).rejects.toThrow('no coordinator');
  });
});

describe('the cap without groups', () => {
  afterEach(() => vi.restoreAllMocks());

  /** A reader with a clock and an end that the test moves. */
  function setUp(graceMs: number) {
    let time = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => time);
    const capsOf = createCaps(graceMs);
    return (now: number, end: bigint) => {
      time = now;
      return capsOf({ groups: new Map(), ends: offsets([0, end]) }).get(0);
    };
  }

  test('acknowledges nothing before the grace time is over', () => {
    const at = setUp(500);
    expect(at(1000, 10n)).toBeUndefined();
    expect(at(1499, 10n)).toBeUndefined();
    expect(at(1500, 10n)).toBe(10n);
  });

  test('is the end as it was before the grace time, not the current one', () => {
    const at = setUp(500);
    at(1000, 10n);
    at(1200, 20n);
    expect(at(1600, 30n)).toBe(10n);
    expect(at(1700, 40n)).toBe(20n);
    expect(at(2100, 50n)).toBe(30n);
  });

  test('is too low and never too high when it is read rarely', () => {
    const at = setUp(500);
    at(1000, 10n);
    expect(at(9000, 90n)).toBe(10n);
    expect(at(9500, 95n)).toBe(90n);
  });

  test('is the current end with a grace time of 0', () => {
    const at = setUp(0);
    expect(at(1000, 10n)).toBe(10n);
    expect(at(1000, 12n)).toBe(12n);
  });
});
