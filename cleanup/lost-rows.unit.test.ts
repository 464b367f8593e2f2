import { describe, expect, test } from 'vitest';
import { createLostRowPolicy, type LostRow } from './lost-rows.ts';

/** A row that is sent again after each decision, each time with a seq 10 higher. */
const at = (id: string, resends: number): LostRow => ({ id, resends, seq: BigInt(10 * resends) });
const ids = (rows: LostRow[]) => rows.map(({ id }) => id);

describe('a lost row', () => {
  test('is sent again three times, and buried when rows after it arrived each time', () => {
    const decide = createLostRowPolicy();
    for (const resends of [0, 1, 2]) {
      expect(decide([at('a', resends)], BigInt(10 * resends + 1), 0)).toMatchObject({ bury: [], resend: [{ id: 'a' }] });
    }
    expect(decide([at('a', 3)], 31n, 0)).toMatchObject({ bury: [{ id: 'a' }], resend: [], fault: false });
  });

  test('is never buried while nothing after it arrives', () => {
    const decide = createLostRowPolicy();
    for (let resends = 0; resends < 20; resends += 1) expect(ids(decide([at('a', resends)], BigInt(10 * resends), 0).bury)).toEqual([]);
  });

  test('needs one more resend for each resend after which nothing arrived', () => {
    const decide = createLostRowPolicy();
    const arrived = [1n, 11n, 20n, 31n, 41n];
    const buried = arrived.map((seq, resends) => ids(decide([at('a', resends)], seq, 0).bury));
    expect(buried).toEqual([[], [], [], [], ['a']]);
  });

  test('starts over when its event had arrived in between', () => {
    const decide = createLostRowPolicy();
    for (const resends of [0, 1, 2]) decide([at('a', resends)], 99n, 0);
    decide([], 99n, 0);
    expect(ids(decide([at('a', 3)], 99n, 0).bury)).toEqual([]);
  });
});

describe('rows that are lost together', () => {
  const together = (count: number, buriedLastHour: number) => {
    const decide = createLostRowPolicy();
    const rows = (resends: number) => Array.from({ length: count }, (_, n) => at(`row-${n}`, resends));
    for (const resends of [0, 1, 2]) decide(rows(resends), 99n, buriedLastHour);
    return decide(rows(3), 99n, buriedLastHour);
  };

  test.each([
    [10, 0],
    [1, 9],
  ])('are buried up to ten an hour: %i with %i before', (count, before) => {
    const { bury, resend, fault } = together(count, before);
    expect([bury.length, resend.length, fault]).toEqual([count, 0, false]);
  });

  test.each([
    [11, 0],
    [1, 10],
    [5, 6],
  ])('all stay when that would be more, and the pipeline is at fault: %i with %i before', (count, before) => {
    const { bury, resend, fault } = together(count, before);
    expect([bury.length, resend.length, fault]).toEqual([0, count, true]);
  });

  test('are not a fault of the pipeline when none of them must be buried, however many were', () => {
    expect(createLostRowPolicy()([at('a', 0)], 99n, 50).fault).toBe(false);
  });
});
