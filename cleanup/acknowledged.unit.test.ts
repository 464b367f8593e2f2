import type { Admin } from 'kafkajs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCapReader, lowest } from './acknowledged.ts';

const TOPIC = 'zap-run.events';
const caps = (...offsets: [number, bigint][]) => new Map(offsets);

describe('lowest', () => {
  test('is the minimum over all groups, for each partition by itself', () => {
    const groups = [caps([0, 5n], [1, 9n]), caps([0, 7n], [1, 3n]), caps([0, 6n], [1, 8n])];
    expect(lowest(groups)).toEqual(caps([0, 5n], [1, 3n]));
  });

  test('is the position of a lone group', () => {
    expect(lowest([caps([0, 5n])])).toEqual(caps([0, 5n]));
  });

  test('takes a partition that another group does not know for not acknowledged', () => {
    expect(lowest([caps([0, 5n], [1, 5n]), caps([0, 5n])])).toEqual(caps([0, 5n], [1, 0n]));
  });

  test('acknowledges nothing of a partition that the first group does not know', () => {
    expect(lowest([caps([0, 5n]), caps([0, 5n], [1, 5n])]).get(1) ?? 0n).toBe(0n);
  });

  test('tells offsets apart that are beyond the whole numbers of a double', () => {
    expect(lowest([caps([0, 9007199254740993n]), caps([0, 9007199254740992n])])).toEqual(caps([0, 9007199254740992n]));
  });

  test('acknowledges nothing without groups', () => {
    expect(lowest([])).toEqual(caps());
  });
});

describe('the cap with groups', () => {
  const adminWith = (committed: Record<string, string[]>) =>
    ({
      fetchOffsets: async ({ groupId, topics }: { groupId: string; topics: string[] }) => [
        { topic: topics[0], partitions: (committed[groupId] ?? []).map((offset, partition) => ({ partition, offset, metadata: null })) },
      ],
    }) as unknown as Admin;

  test('is the lowest of what the groups have committed', async () => {
    const readCaps = createCapReader(adminWith({ a: ['10', '4'], b: ['7', '9'] }), TOPIC, ['a', 'b'], 0);
    expect(await readCaps()).toEqual(caps([0, 7n], [1, 4n]));
  });

  test('is 0 where a group has committed nothing yet, which Kafka calls -1', async () => {
    const readCaps = createCapReader(adminWith({ a: ['10', '4'], b: ['-1', '9'] }), TOPIC, ['a', 'b'], 0);
    expect(await readCaps()).toEqual(caps([0, 0n], [1, 4n]));
  });

  test('is 0 when one group has never been there', async () => {
    const readCaps = createCapReader(adminWith({ a: ['10'] }), TOPIC, ['a', 'absent'], 0);
    expect(await readCaps()).toEqual(caps([0, 0n]));
  });

  test('fails when one group cannot be asked, instead of counting without it', async () => {
    const admin = {
      fetchOffsets: ({ groupId }: { groupId: string }) =>
        groupId === 'a' ? Promise.resolve([{ topic: TOPIC, partitions: [] }]) : Promise.reject(new Error('no coordinator')),
    } as unknown as Admin;
    await expect(createCapReader(admin, TOPIC, ['a', 'b'], 0)()).rejects.toThrow('no coordinator');
  });
});

describe('the cap without groups', () => {
  afterEach(() => vi.restoreAllMocks());

  /** A reader with a clock and a high watermark that the test moves. */
  function setUp(graceMs: number) {
    const world = { now: 1000, high: '0' };
    vi.spyOn(performance, 'now').mockImplementation(() => world.now);
    const admin = {
      fetchTopicOffsets: async () => [{ partition: 0, offset: world.high, high: world.high, low: '0' }],
    } as unknown as Admin;
    const readCaps = createCapReader(admin, TOPIC, [], graceMs);
    return async (now: number, high: string) => {
      Object.assign(world, { now, high });
      return (await readCaps()).get(0);
    };
  }

  test('acknowledges nothing before the grace time is over', async () => {
    const at = setUp(500);
    expect(await at(1000, '10')).toBeUndefined();
    expect(await at(1499, '10')).toBeUndefined();
    expect(await at(1500, '10')).toBe(10n);
  });

  test('is the high watermark of the grace time ago, not that of now', async () => {
    const at = setUp(500);
    await at(1000, '10');
    await at(1200, '20');
    expect(await at(1600, '30')).toBe(10n);
    expect(await at(1700, '40')).toBe(20n);
    expect(await at(2100, '50')).toBe(30n);
  });

  test('falls behind and never ahead when it is asked rarely', async () => {
    const at = setUp(500);
    await at(1000, '10');
    expect(await at(9000, '90')).toBe(10n);
    expect(await at(9500, '95')).toBe(90n);
  });

  test('is the high watermark of now with a grace time of 0', async () => {
    const at = setUp(0);
    expect(await at(1000, '10')).toBe(10n);
    expect(await at(1000, '12')).toBe(12n);
  });
});
