import pg, { type Pool } from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { createRecorder } from './record-event.ts';
import type { Recorded, RunEvent } from './webhook.ts';

interface Query {
  name: string;
  ids: string[];
  values: unknown[][];
  succeed: (rowCount?: number) => void;
  fail: (error: unknown) => void;
}

/** A pool whose statements wait until the test lets them succeed or fail. Behaviour of the database is tested with a real one. */
function stubPool() {
  const queries: Query[] = [];
  const query = ({ name, values }: { name: string; values: unknown[][] }) => {
    const ids = values[0] as string[];
    return new Promise<{ rowCount: number }>((resolve, reject) => {
      queries.push({ name, ids, values, fail: reject, succeed: (rowCount = ids.length) => resolve({ rowCount }) });
    });
  };
  const pool = {
    options: { host: '127.0.0.1', port: 1 }, // Nothing listens there: a new connection is refused.
    connect: () => Promise.resolve({ query, on: () => undefined, off: () => undefined, release: () => undefined }),
  } as unknown as Pool;
  return { pool, queries };
}

const event = (id: string, idempotencyKey: string | null = null): RunEvent => ({
  id,
  userId: 'u',
  zapId: 'z',
  idempotencyKey,
  metadata: `{"id":"${id}"}`,
  headers: { a: 'b' },
  receivedAt: new Date(0),
  traceparent: 't',
  schemaId: 1,
  payload: Buffer.from(id),
});
const turn = () => new Promise((resolve) => setImmediate(resolve));
const sqlError = (code: string) => Object.assign(new pg.DatabaseError('refused', 1, 'error'), { code });
const outcome = (settled: PromiseSettledResult<Recorded>) =>
  settled.status === 'rejected' ? (settled.reason as { code: string }).code : 'recorded';
const recorder = (pool: Pool, limit: number) => createRecorder(pool, limit).record;

describe('grouping', () => {
  test('writes a lone event at once', async () => {
    const { pool, queries } = stubPool();
    const sent = recorder(pool, 100)(event('a'));
    await turn();
    expect(queries.map(({ ids }) => ids)).toEqual([['a']]);
    queries[0]!.succeed();
    await expect(sent).resolves.toEqual({ id: 'a', repeated: false });
  });

  test('writes events of the same turn in one statement, each value in its column', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const sent = Promise.all([record(event('aa')), record(event('b'))]);
    await turn();
    expect(queries.map(({ values }) => values)).toEqual([
      [
        ['aa', 'b'],
        ['u', 'u'],
        ['z', 'z'],
        [null, null],
        ['{"id":"aa"}', '{"id":"b"}'],
        ['{"a":"b"}', '{"a":"b"}'],
        ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
        ['t', 't'],
        [1, 1],
        // Where each payload begins and how long it is, then all of them.
        [1, 3],
        [2, 1],
        Buffer.from('aab'),
      ],
    ]);
    queries[0]!.succeed();
    await sent;
  });

  test('sends keys in one order, so that two groups with the same keys cannot deadlock', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const sent = Promise.all([record(event('a', 'y')), record(event('b')), record(event('c', 'x'))]);
    await turn();
    expect(queries[0]!.ids).toEqual(['b', 'c', 'a']);
    queries[0]!.succeed();
    expect((await sent).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  test('gathers one next group while two are in flight', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const sent: Promise<Recorded>[] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      sent.push(record(event(id)));
      await turn();
    }
    expect(queries.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
    queries[1]!.succeed();
    await sent[1];
    await turn();
    expect(queries.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c', 'd', 'e']]);
    queries[0]!.succeed();
    queries[2]!.succeed();
    await expect(Promise.all(sent)).resolves.toHaveLength(5);
  });

  test('resolves no member before the statement has succeeded', async () => {
    const { pool, queries } = stubPool();
    let recorded = false;
    const sent = recorder(pool, 100)(event('a')).then(() => (recorded = true));
    await turn();
    await turn();
    expect(recorded).toBe(false);
    queries[0]!.succeed();
    await sent;
    expect(recorded).toBe(true);
  });

  test('sends at most 256 events in one statement', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 1000);
    const sent = Promise.all(Array.from({ length: 300 }, (_, index) => record(event(String(index)))));
    await turn();
    expect(queries.map(({ ids }) => ids.length)).toEqual([256, 44]);
    for (const query of queries) query.succeed();
    await sent;
  });
});

describe('a failure', () => {
  test.each(['23514', '22P02', '22021'])('of a row (%s) fails that row alone, found by halves', async (code) => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const sent = Promise.allSettled(['a', 'b', 'bad', 'd'].map((id) => record(event(id))));
    for (let at = 0; at < 5; at += 1) {
      await turn();
      const query = queries[at]!;
      if (query.ids.includes('bad')) query.fail(sqlError(code));
      else query.succeed();
    }
    expect((await sent).map(outcome)).toEqual(['recorded', 'recorded', 'write_refused', 'recorded']);
    expect(queries.map(({ ids }) => ids)).toEqual([['a', 'b', 'bad', 'd'], ['a', 'b'], ['bad', 'd'], ['bad'], ['d']]);
  });

  test.each(['40001', '40P01'])('of serialization (%s) sends the whole group again', async (code) => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const sent = Promise.allSettled(['a', 'b'].map((id) => record(event(id))));
    await turn();
    queries[0]!.fail(sqlError(code));
    await turn();
    queries[1]!.succeed();
    expect((await sent).map(outcome)).toEqual(['recorded', 'recorded']);
    expect(queries.map(({ ids }) => ids)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test.each(['57014', '42501', '25006', '55P03'])(
    'of the whole statement (%s) is not stored, and no member is tried alone',
    async (code) => {
      const { pool, queries } = stubPool();
      const record = recorder(pool, 100);
      const sent = Promise.allSettled(['a', 'b', 'c'].map((id) => record(event(id))));
      await turn();
      queries[0]!.fail(sqlError(code));
      expect((await sent).map(outcome)).toEqual(Array.from({ length: 3 }, () => 'database_unavailable'));
      expect(queries).toHaveLength(1);
    },
  );

  test('does not stop the events after it', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 100);
    const first = record(event('a'));
    await turn();
    queries[0]!.fail(sqlError('42501'));
    await expect(first).rejects.toMatchObject({ code: 'database_unavailable', cause: { code: '42501' } });
    const second = record(event('b'));
    await turn();
    queries[1]!.succeed();
    await expect(second).resolves.toMatchObject({ id: 'b' });
  });
});

test.each(['57014', '42501', '40001', '22P02', '55P03'])(
  'a lookup after the commit that fails (%s) leaves the outcome unknown',
  async (code) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { pool, queries } = stubPool();
      const record = recorder(pool, 100);
      const sent = Promise.allSettled([record(event('stored', 'a')), record(event('repeat', 'b')), record(event('plain'))]);
      await turn();
      queries[0]!.succeed(2);
      await turn();
      expect(queries.map(({ name }) => name)).toEqual(['record-events', 'find-runs']);
      vi.advanceTimersByTime(3000);
      queries[1]!.fail(sqlError(code));
      expect((await sent).map(outcome)).toEqual(['outcome_unknown', 'outcome_unknown', 'recorded']);
    } finally {
      vi.useRealTimers();
    }
  },
);

describe('the queue', () => {
  test('measures only commits: a slow failure does not count, and a full queue names the cause in its refusal', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { pool, queries } = stubPool();
      const record = recorder(pool, 2);
      const first = record(event('first'));
      await turn();
      vi.advanceTimersByTime(5000);
      queries[0]!.fail(sqlError('57014'));
      await expect(first).rejects.toMatchObject({ code: 'database_unavailable' });
      const sent: Promise<Recorded>[] = [];
      for (const id of ['a', 'b', 'c', 'd']) {
        sent.push(record(event(id)));
        await turn();
      }
      await expect(record(event('e'))).rejects.toMatchObject({ code: 'database_unavailable' });
      for (const at of [1, 2, 3]) {
        queries[at]!.succeed();
        await turn();
      }
      await expect(Promise.all(sent)).resolves.toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });

  test('refuses with overloaded requests that would wait longer than a second, by the duration of a commit', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { pool, queries } = stubPool();
      const record = recorder(pool, 100_000);
      const first = record(event('first'));
      await turn();
      vi.advanceTimersByTime(600);
      queries[0]!.succeed();
      await first;
      await turn();
      // Two groups at a time take 600 ms, so three groups of 256 wait for 900 ms and a fourth would for 1,200.
      const sent: Promise<Recorded>[] = [];
      for (const id of ['b', 'c']) {
        sent.push(record(event(id)));
        await turn();
      }
      for (let n = 0; n < 769; n += 1) sent.push(record(event(`${n}`)));
      await expect(record(event('late'))).rejects.toMatchObject({ code: 'overloaded' });
      for (let at = 1; at <= 6; at += 1) {
        queries[at]?.succeed();
        await turn();
        await turn();
      }
      expect((await Promise.all(sent)).every(({ repeated }) => !repeated)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('refuses requests beyond its limit at once with overloaded, and accepts more when it has emptied', async () => {
    const { pool, queries } = stubPool();
    const record = recorder(pool, 2);
    const inFlight = [record(event('a'))];
    await turn();
    inFlight.push(record(event('b')));
    await turn();
    const waiting = [record(event('c')), record(event('d'))];
    await expect(record(event('e'))).rejects.toMatchObject({ code: 'overloaded' });
    expect(queries).toHaveLength(2);
    queries[0]!.succeed();
    await inFlight[0];
    await turn();
    expect(queries[2]!.ids).toEqual(['c', 'd']);
    const later = record(event('f'));
    for (const at of [1, 2]) queries[at]!.succeed();
    await Promise.all([...inFlight, ...waiting]);
    await turn();
    queries[3]!.succeed();
    await expect(later).resolves.toMatchObject({ id: 'f' });
  });
});
