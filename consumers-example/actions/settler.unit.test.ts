import { expect, test, vi } from 'vitest';
import type { Outcome } from './deliveries.ts';
import { createSettler } from './settler.ts';

const outcome = (status: number) => ({ status }) as Outcome;

/** A settler whose writes end when the test says so. */
function settlerOf(fail: () => boolean = () => false) {
  const groups: number[][] = [];
  const ends: (() => void)[] = [];
  const settler = createSettler(
    (outcomes) => {
      groups.push(outcomes.map(({ status }) => status ?? 0));
      return new Promise<void>((resolve, reject) => ends.push(() => (fail() ? reject(new Error('gone')) : resolve())));
    },
    () => undefined,
  );
  return { settler, groups, ends };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('outcomes of the same turn are one group, and the next gathers while it is written', async () => {
  const { settler, groups, ends } = settlerOf();
  settler.add(outcome(1));
  settler.add(outcome(2));
  await turn();
  settler.add(outcome(3));
  settler.add(outcome(4));
  expect(groups).toEqual([[1, 2]]);
  ends[0]?.();
  await turn();
  expect(groups).toEqual([[1, 2], [3, 4]]); // prettier-ignore
});

test.each(Array.from({ length: 12 }, (_, at) => at))('what is added %i microtasks after the last write is written', async (microtasks) => {
  const { settler, groups, ends } = settlerOf();
  settler.add(outcome(1));
  await turn();
  ends[0]?.();
  for (let n = 0; n < microtasks; n += 1) await Promise.resolve();
  settler.add(outcome(2));
  await turn();
  expect(groups).toEqual([[1], [2]]);
});

test('what cannot be written is tried again, with what came since behind it', async () => {
  let away = true;
  const { settler, groups, ends } = settlerOf(() => away);
  settler.add(outcome(1));
  await turn();
  settler.add(outcome(2));
  ends[0]?.();
  away = false;
  await vi.waitFor(() => expect(groups).toEqual([[1], [1, 2]]), 2000);
  ends[1]?.();
});
