import { expect, test } from 'vitest';
import type { Facts } from './facts.ts';
import type { Op } from './history.ts';
import { check } from './invariants.ts';
import { indexOf } from './lookup.ts';
import { explain, rowsOf, tableOf } from './report.ts';

const bounds = { repeats: undefined, recoverSeconds: 60, retainedWal: 0, clocks: true };

/** Two events around the kill of a broker, the second of which was lost although its row went. */
function lossy(): Facts {
  const op = (name: string, at: number, id: string): Op => ({
    ...{ op: name, zap: 'u/a', sha: name, key: undefined, status: 'ok', ids: [id], why: undefined },
    ...{ invoked: at, answered: at + 1, invokedAt: at, answeredAt: at + 10 },
  });
  const first = { partition: 0, offset: 0, appendedAt: 1020, key: 'u/a', id: 'x', resends: 0, sha: 'v' };
  return {
    ops: [op('a', 1000, 'x'), op('b', 3000, 'y')],
    spans: [{ step: 1, fault: 'kill', part: 'kafka', at: 2000, healedAt: 2500 }],
    records: [{ ...first, event: { id: 'x', zap: 'u/a', metadataSha: 'a', op: 'a' } }],
    audit: ['x', 'y'].flatMap((id, at) => [
      { id, what: 'insert' as const, at: 1005 + at * 2000, tx: `i${id}` },
      { id, what: 'delete' as const, at: 4000, tx: 'd' },
    ]),
    runs: [
      { id: 'x', op: 'a' },
      { id: 'y', op: 'b' },
    ],
    ...{
      left: [],
      dead: [],
      handled: new Set(['x']),
      calls: [],
      targets: [],
      commits: [],
      ackGroups: [],
      unrest: [],
      leaks: [],
      retainedWal: 0,
    },
  };
}

test('a row of the table counts what happened from its fault to the next', () => {
  const facts = lossy();
  const rows = rowsOf(indexOf(facts, bounds), check(facts, bounds));
  expect(rows).toMatchObject([
    { fault: 'before the first', times: 0, accepted: 1, lost: 0 },
    { fault: 'kill kafka', times: 1, accepted: 1, lost: 1, early: 1, emptyAfter: 1.5 },
  ]);
});

test('the table ends with the sums', () => {
  const facts = lossy();
  const table = tableOf(rowsOf(indexOf(facts, bounds), check(facts, bounds)));
  expect(table.split('\n').at(-1)).toMatch(/^\| all +\| +1 \| +2 \| +0 \| +0 \| +1 \|/);
});

test('a violation is reported with all facts about its event, by time', () => {
  const facts = lossy();
  const story = explain(facts, check(facts, bounds)).split('\n');
  expect(story.slice(0, 7)).toEqual([
    'I1 answered 200 and never on the topic',
    '       -1.000 s  nemesis   kill kafka begins (step 1)',
    '       -0.500 s  nemesis   kill kafka ends',
    '        0.000 s  driver    posts b to u/a',
    '        0.005 s  outbox    insert y (tx iy)',
    '        0.010 s  driver    200 y',
    '        1.000 s  outbox    delete y (tx d)',
  ]);
});
