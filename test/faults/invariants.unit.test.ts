import { describe, expect, test } from 'vitest';
import type { AuditRow, Bounds, Facts } from './facts.ts';
import type { Op } from './history.ts';
import { check } from './invariants.ts';

const bounds: Bounds = { repeats: 0, recoverSeconds: 60, retainedWal: 1000, clocks: true };
const idOf = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** Event n of zap u/a, posted at n seconds, answered 10 ms later, published and deleted within the second. */
function opOf(n: number): Op {
  const times = { invoked: 2 * n, answered: 2 * n + 1, invokedAt: n * 1000, answeredAt: n * 1000 + 10 };
  return { op: `op${n}`, zap: 'u/a', sha: `body${n}`, key: undefined, status: 'ok', ids: [idOf(n)], why: undefined, ...times };
}

function recordOf(n: number, offset = n) {
  const event = { id: idOf(n), zap: 'u/a', metadataSha: `body${n}`, op: `op${n}` };
  return { partition: 0, offset, appendedAt: n * 1000 + 20, key: 'u/a', id: idOf(n), resends: 0, sha: `value${n}`, event };
}

/** A run of five events in which every promise held. */
function healthy() {
  const all = [1, 2, 3, 4, 5];
  return {
    ops: all.map(opOf),
    spans: [] as Facts['spans'][number][],
    records: all.map((n) => recordOf(n)),
    audit: all.flatMap((n): AuditRow[] => [
      { id: idOf(n), what: 'insert', at: n * 1000 + 5, tx: `w${n}` },
      { id: idOf(n), what: 'delete', at: n * 1000 + 500, tx: `d${n}` },
    ]),
    runs: all.map((n) => ({ id: idOf(n), op: `op${n}` })),
    left: [] as string[],
    dead: [] as string[],
    handled: new Set(all.map(idOf)),
    calls: all.map((n) => ({
      at: n * 1000 + 100,
      target: 't',
      webhookId: `${idOf(n)}_t`,
      sha: `call${n}`,
      verified: true,
      answered: true,
      status: 204,
    })),
    targets: ['t'],
    commits: all.map((n) => ({ group: 'g', partition: 0, offset: n + 1, at: n * 1000 + 200 })),
    ackGroups: ['g'],
    unrest: [] as string[],
    leaks: [] as string[],
    retainedWal: 0,
  };
}

type Run = ReturnType<typeof healthy>;

/** The invariants that a change of the run breaks. */
function broken(change: (run: Run) => void, changed: Partial<Bounds> = {}): string[] {
  const run = healthy();
  change(run);
  return [...new Set(check(run, { ...bounds, ...changed }).map(({ invariant }) => invariant))];
}

test('a run in which everything held breaks no invariant', () => {
  expect(broken(() => undefined)).toEqual([]);
});

describe('I1: an accepted event is on the topic', () => {
  test('a missing one is lost', () => {
    expect(broken(({ records }) => records.splice(2, 1))).toContain('I1');
  });

  test('one without an answer may be missing', () => {
    const change = (run: Run) => {
      Object.assign(run.ops[4]!, { status: 'unknown', ids: [], answered: Infinity, answeredAt: Infinity });
      run.records.pop();
      run.runs.pop();
      run.audit.splice(-2);
    };
    expect(broken(change)).toEqual([]);
  });

  test('one without an answer may be present', () => {
    expect(broken(({ ops }) => Object.assign(ops[4]!, { status: 'unknown', ids: [] }))).toEqual([]);
  });
});

describe('I2: what is on the topic was posted', () => {
  test('a record that nobody posted is found', () => {
    expect(broken(({ records }) => (records[1]!.event.op = 'op99'))).toContain('I2');
  });

  test('a refused event is found', () => {
    expect(broken(({ ops }) => Object.assign(ops[1]!, { status: 'refused', ids: [] }))).toContain('I2');
  });

  test.each(['key', 'id'] as const)('another %s is found', (field) => {
    expect(broken(({ records }) => (records[1]![field] = 'other'))).toContain('I2');
  });

  test('other metadata is found', () => {
    expect(broken(({ records }) => (records[1]!.event.metadataSha = 'other'))).toEqual(['I2']);
  });

  test('a repeat with other bytes is found, and one with the same bytes is allowed', () => {
    expect(broken(({ records }) => records.push({ ...recordOf(2, 9), sha: 'other' }), { repeats: 1 })).toEqual(['I2']);
    expect(broken(({ records }) => records.push(recordOf(2, 9)), { repeats: 1 })).toEqual([]);
  });
});

describe('I3: run, outbox row and record go together', () => {
  test('a run without a row is found', () => {
    expect(broken(({ runs }) => runs.push({ id: idOf(9), op: 'op9' }))).toContain('I3');
  });

  test('a row without a run is found', () => {
    expect(broken(({ runs }) => runs.pop())).toContain('I3');
  });

  test('a record without a row is found', () => {
    expect(broken(({ audit }) => audit.splice(0, 2))).toContain('I3');
  });
});

describe('I4: the events of a zap keep their order', () => {
  const swap = (run: Run) => {
    run.records[1]!.offset = 3;
    run.records[2]!.offset = 2;
    run.commits = [];
  };

  test('two in the wrong order are found', () => {
    expect(broken(swap)).toEqual(['I4']);
  });

  test('two that were posted at the same time may come in any order', () => {
    const change = (run: Run) => {
      swap(run);
      run.ops[2]!.invoked = run.ops[1]!.answered - 1;
    };
    expect(broken(change)).toEqual([]);
  });

  test('one that was rescued may come later', () => {
    const change = (run: Run) => {
      swap(run);
      run.records[1]!.resends = 1;
    };
    expect(broken(change)).toEqual([]);
  });

  test('a repeat may come later', () => {
    expect(broken(({ records }) => records.push(recordOf(1, 9)), { repeats: 1 })).toEqual([]);
  });

  test('one on another partition is found', () => {
    expect(broken(({ records }) => (records[3]!.partition = 1))).toContain('I4');
  });
});

describe('I5: a row stays until its event is acknowledged', () => {
  const deletedAt = (n: number, at: number) => (run: Run) => {
    run.audit[2 * n - 1]!.at = at;
  };

  test('one deleted before its record was appended is found', () => {
    expect(broken(deletedAt(3, 3015))).toEqual(['I5']);
  });

  test('one deleted before a group had committed past it is found', () => {
    expect(broken(deletedAt(3, 3100))).toEqual(['I5']);
  });

  test('one deleted whose event is not on the topic is found', () => {
    expect(broken(({ records }) => records.splice(2, 1))).toContain('I5');
  });

  test('one that was sent again is moved and not deleted', () => {
    const move = [
      { id: idOf(3), what: 'delete' as const, at: 3001, tx: 'm' },
      { id: idOf(3), what: 'insert' as const, at: 3001, tx: 'm' },
    ];
    expect(broken(({ audit }) => audit.splice(5, 0, ...move))).toEqual([]);
  });

  test('is not checked after a step of the clock', () => {
    expect(broken(deletedAt(3, 1), { clocks: false })).toEqual([]);
  });
});

describe('I6: everything comes to rest', () => {
  test.each(['left', 'dead', 'unrest'] as const)('what is %s is found', (side) => {
    expect(broken((run) => run[side].push(idOf(1)))).toEqual(['I6']);
  });
});

test('I7: more repeats than allowed are found', () => {
  expect(broken(({ records }) => records.push(recordOf(1, 9)))).toEqual(['I7']);
  expect(broken(({ records }) => records.push(recordOf(1, 9)), { repeats: undefined })).toEqual([]);
});

describe('I8: every group handles every event', () => {
  test('one that the typed consumer never handled is found', () => {
    expect(broken(({ handled }) => handled.delete(idOf(2)))).toEqual(['I8']);
  });

  test('an action that was never called is found', () => {
    expect(broken(({ calls }) => calls.pop())).toEqual(['I8']);
  });

  test.each([{ answered: false }, { status: 500 }])('an action whose only answer was %o is found', (answer) => {
    expect(broken(({ calls }) => Object.assign(calls[2]!, answer))).toEqual(['I8']);
  });

  test('a call that is repeated with another body is found', () => {
    expect(broken(({ calls }) => calls.push({ ...calls[0]!, sha: 'other' }))).toEqual(['I8']);
    expect(broken(({ calls }) => calls.push({ ...calls[0]! }))).toEqual([]);
  });

  test('a wrong signature is found', () => {
    expect(broken(({ calls }) => (calls[0]!.verified = false))).toContain('I8');
  });
});

describe('I9: an event is one run', () => {
  test('one that was stored twice is found', () => {
    expect(broken(({ runs }) => runs.push({ id: idOf(9), op: 'op1' }))).toContain('I9');
  });

  test('one that was answered with two ids is found', () => {
    expect(broken(({ ops }) => ops[0]!.ids.push(idOf(9)))).toEqual(['I9']);
  });

  test('one that was answered with an id that is not its own is found', () => {
    expect(broken(({ ops }) => (ops[0]!.ids = [idOf(9)]))).toEqual(['I9']);
  });
});

describe('I10: after a fault events are soon on the topic again', () => {
  const fault = { step: 1, fault: 'kill', part: 'kafka', at: 1500, healedAt: 1600 };

  test('one second late for longer than allowed is found', () => {
    const change = (run: Run) => {
      run.spans.push(fault);
      for (const record of run.records.slice(1, 4)) record.appendedAt += 1500;
      for (const row of run.audit) if (row.what === 'delete') row.at += 2000;
      for (const commit of run.commits) commit.at += 1500;
    };
    expect(broken(change, { recoverSeconds: 1 })).toEqual(['I10']);
    expect(broken(change, { recoverSeconds: 5 })).toEqual([]);
  });

  test('a recovery at once breaks nothing', () => {
    expect(broken(({ spans }) => spans.push(fault), { recoverSeconds: 0 })).toEqual([]);
  });
});

test('I11: WAL that the slot holds in the end is found', () => {
  expect(broken((run) => (run.retainedWal = 1001))).toEqual(['I11']);
});

test('I12: a secret in a log or on a topic is found', () => {
  expect(broken(({ leaks }) => leaks.push('ingest.log'))).toEqual(['I12']);
});
