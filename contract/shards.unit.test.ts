import { expect, test } from 'vitest';
import { CONNECTOR_NAME, SLOT_NAME } from './names.ts';
import { isOfAShard, isSameFilter, MAX_SHARDS, shardsOf } from './shards.ts';

test('one shard has the names without a number, and every row', () => {
  expect(shardsOf(1)).toEqual([
    { connector: CONNECTOR_NAME, slot: SLOT_NAME, publication: SLOT_NAME, label: undefined, filter: undefined },
  ]);
});

test('each of several shards has names and a filter that say which of how many it is', () => {
  expect(shardsOf(3)[1]).toEqual({
    connector: 'zap-run-outbox-2of3',
    slot: 'zap_run_outbox_2of3',
    publication: 'zap_run_outbox_2of3',
    label: '2of3',
    filter: '(hashtextextended(aggregateid, 0) & 9223372036854775807) % 3 = 1',
  });
});

test('no two shards of any numbers of them share a name, and each name is known as a shard’s', () => {
  const all = Array.from({ length: MAX_SHARDS }, (_, index) => shardsOf(index + 1)).flat();
  for (const names of [all.map(({ connector }) => connector), all.map(({ slot }) => slot)]) {
    expect(new Set(names).size).toBe(all.length);
    expect(names.filter((name) => !isOfAShard(name))).toEqual([]);
  }
  expect(['zap_run_outbox_dead', 'zap_run_outbox_1of', 'other'].filter(isOfAShard)).toEqual([]);
});

test('a filter is the same as Postgres prints it, and no other is', () => {
  const [first, second] = shardsOf(3);
  const printed = "(((hashtextextended(aggregateid, (0)::bigint) & '9223372036854775807'::bigint) % (3)::bigint) = 0)";
  expect(isSameFilter(first?.filter, printed)).toBe(true);
  expect(isSameFilter(second?.filter, printed)).toBe(false);
  expect(isSameFilter(undefined, printed)).toBe(false);
  expect(isSameFilter(undefined, undefined)).toBe(true);
});
