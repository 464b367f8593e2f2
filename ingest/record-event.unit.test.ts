import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { createRecorder, type RunEvent } from './record-event.ts';

interface Query {
  ids: string[];
  values: unknown[][];
  succeed: () => void;
  fail: (error: unknown) => void;
}

/** A pool whose statements wait until the test lets them succeed or fail. */
function stubPool() {
  const queries: Query[] = [];
  const pool = {
    query: ({ values }: { values: unknown[][] }) => {
      const ids = values[0] as string[];
      return new Promise<{ rowCount: number }>((resolve, reject) => {
        queries.push({
          ids,
          values,
          fail: reject,
          succeed: () => {
            resolve({ rowCount: ids.length });
          },
        });
      });
    },
  } as unknown as Pool;
  return { pool, queries };
}

const event = (id: string): RunEvent => ({
  id,
  userId: 'u',
  zapId: 'z',
  metadata: `{"id":"${id}"}`,
  headers: { a: 'b' },
  receivedAt: new Date(0),
  traceparent: null,
  schemaId: 1,
  payload: Buffer.from(id),
});
const turn = () => new Promise((resolve) => setImmediate(resolve));
const sqlError = (code: string) => Object.assign(new Error(`SQLSTATE ${code}`), { code });
const codeOf = (settled: PromiseSettledResult<void>) =>
  settled.status === 'rejected' ? (settled.reason as { code: string }).code : 'recorded';

describe('grouping', () => {
  test('writes a lone event at once', async () => {
    const { pool, queries } = stubPool();
    const sent = createRecorder(pool, 100)(event('a'));
    await turn();
    expect(queries.map(({ ids }) => ids)).toEqual([['a']]);
    queries[0]!.succeed();
    await expect(sent).resolves.toBeUndefined();
  });

  test('puts events of the same turn into one statement, each value in its column', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 100);
    const sent = Promise.all([record(event('a')), record(event('b'))]);
    await turn();
    expect(queries.map(({ values }) => values)).toEqual([
      [
        ['a', 'b'],
        ['u', 'u'],
        ['z', 'z'],
        ['{"id":"a"}', '{"id":"b"}'],
        ['{"a":"b"}', '{"a":"b"}'],
        ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
        [null, null],
        [1, 1],
        [Buffer.from('a'), Buffer.from('b')],
      ],
    ]);
    queries[0]!.succeed();
    await sent;
  });

  test('gathers one next group while two are in flight', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 100);
    const sent: Promise<void>[] = [];
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

  test('resolves nobody before the statement has succeeded', async () => {
    const { pool, queries } = stubPool();
    let recorded = false;
    const sent = createRecorder(
      pool,
      100,
    )(event('a')).then(() => {
      recorded = true;
    });
    await turn();
    await turn();
    expect(recorded).toBe(false);
    queries[0]!.succeed();
    await sent;
    expect(recorded).toBe(true);
  });

  test('sends 256 events at most in one statement', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 1000);
    const sent = Promise.all(Array.from({ length: 300 }, (_, index) => record(event(String(index)))));
    await turn();
    expect(queries.map(({ ids }) => ids.length)).toEqual([256, 44]);
    for (const query of queries) query.succeed();
    await sent;
  });
});

describe('a failure', () => {
  test.each(['23514', '22P02', '22021', '23505'])('of a row (%s) fails that row alone', async (code) => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 100);
    const sent = Promise.allSettled(['a', 'bad', 'c'].map((id) => record(event(id))));
    await turn();
    queries[0]!.fail(sqlError(code));
    for (const at of [1, 2, 3]) {
      await turn();
      expect(queries).toHaveLength(at + 1);
      const query = queries[at]!;
      if (query.ids[0] === 'bad') query.fail(sqlError(code));
      else query.succeed();
    }
    expect((await sent).map(codeOf)).toEqual(['recorded', 'write_refused', 'recorded']);
    expect(queries.map(({ ids }) => ids)).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  test.each(['ECONNREFUSED', 'ECONNRESET', '57P01', '53300', '40001', '08006'])(
    'of the connection (%s) fails all of the group and tries nobody alone',
    async (code) => {
      const { pool, queries } = stubPool();
      const record = createRecorder(pool, 100);
      const sent = Promise.allSettled(['a', 'b', 'c'].map((id) => record(event(id))));
      await turn();
      queries[0]!.fail(sqlError(code));
      expect((await sent).map(codeOf)).toEqual(Array.from({ length: 3 }, () => 'database_unavailable'));
      expect(queries).toHaveLength(1);
    },
  );

  test('of the connection while members are tried alone fails only those that it met', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 100);
    const sent = Promise.allSettled(['a', 'b'].map((id) => record(event(id))));
    await turn();
    queries[0]!.fail(sqlError('23514'));
    await turn();
    queries[1]!.succeed();
    await turn();
    queries[2]!.fail(sqlError('ECONNRESET'));
    expect((await sent).map(codeOf)).toEqual(['recorded', 'database_unavailable']);
  });

  test('without a code fails with database_unavailable and keeps the cause', async () => {
    const { pool, queries } = stubPool();
    const sent = createRecorder(pool, 100)(event('a'));
    await turn();
    const cause = new Error('Query read timeout');
    queries[0]!.fail(cause);
    await expect(sent).rejects.toMatchObject({ code: 'database_unavailable', cause });
  });

  test('does not stop the events after it', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 100);
    const first = record(event('a'));
    await turn();
    queries[0]!.fail(sqlError('ECONNRESET'));
    await expect(first).rejects.toMatchObject({ code: 'database_unavailable' });
    const second = record(event('b'));
    await turn();
    queries[1]!.succeed();
    await expect(second).resolves.toBeUndefined();
  });
});

describe('the queue', () => {
  test('refuses with overloaded what exceeds its limit, at once, and takes more when it has emptied', async () => {
    const { pool, queries } = stubPool();
    const record = createRecorder(pool, 2);
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
    await expect(later).resolves.toBeUndefined();
  });
});
