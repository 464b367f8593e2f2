import type pg from 'pg';
import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { purgeRuns } from '../cleanup/purge.ts';
import { databaseUrl } from '../stack/config.ts';
import { insertion, outcome, rolledBack, withClient } from './support/catalog.ts';
import { uniqueName } from './support/names.ts';
import { startCleanup } from './support/services.ts';
import { config, query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Runs older than RUN_KEEP_DAYS. Their time is long before that of the runs of other tests.

const YEARS = 30;
const days = YEARS * 365;
const then = (agedDays: number) => Date.now() - agedDays * 86_400_000;

/** Runs of a user, all of one age. */
async function age(client: pg.Client, userId: string, count: number, agedDays: number, seq = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, at) => v7({ msecs: then(agedDays), seq: seq + at }));
  await client.query(
    `INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, schema_id)
     SELECT id, $2, 'z', '{}', '{}', $3, 1 FROM unnest($1::uuid[]) AS id`,
    [ids, userId, new Date(then(agedDays))],
  );
  return ids;
}

const left = async (client: pg.Client, ids: string[]) =>
  (await client.query<{ id: string }>('SELECT id FROM zap_run WHERE id = ANY ($1) ORDER BY id', [ids])).rows.map(({ id }) => id);
const purge = async (client: pg.Client, most: number, after = '00000000-0000-0000-0000-000000000000') =>
  (
    await client.query<{ purged: number; seen: number; last: string | null }>('SELECT * FROM outbox_purge_runs($1, $2, $3)', [
      days,
      after,
      most,
    ])
  ).rows[0];
const outboxRow = (id: string) => ({
  id,
  aggregatetype: 'zap-run',
  aggregateid: 'u/z',
  type: 'ZapRunCreated',
  payload: Buffer.from('000000000102', 'hex'),
});

describe('outbox_purge_runs', () => {
  it('deletes the oldest runs up to the limit, and none that is younger or was received later than its id says', async () => {
    await rolledBack('postgres', async (client) => {
      const old = await age(client, 'u', 5, days + 1);
      const young = await age(client, 'u', 2, days - 1);
      const odd = v7({ msecs: then(days + 2) });
      await client.query(
        `INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, schema_id) VALUES ($1, 'u', 'z', '1', '{}', now(), 1)`,
        [odd],
      );
      await client.query('SET LOCAL ROLE outbox_cleanup');
      expect(await purge(client, 3)).toEqual({ purged: 3, seen: 3, last: old[2] });
      expect(await purge(client, 3, old[2])).toEqual({ purged: 2, seen: 2, last: old[4] });
      expect(await purge(client, 3)).toEqual({ purged: 0, seen: 0, last: null });
      await client.query('RESET ROLE');
      expect(await left(client, [...old, ...young, odd])).toEqual([odd, ...young].sort());
    });
  });

  it('keeps a run whose event waits or is buried, and continues after it', async () => {
    await rolledBack('postgres', async (client) => {
      const [waits = '', free = '', dead = '', last = ''] = await age(client, 'u', 4, days + 1);
      for (const id of [waits, dead]) await client.query(...insertion('zap_run_outbox', outboxRow(id)));
      await client.query(`SELECT outbox_bury(ARRAY[$1::uuid], 'BY_HAND', 'a test')`, [dead]);
      expect(await purge(client, 2)).toEqual({ purged: 1, seen: 2, last: free });
      expect(await purge(client, 2, free)).toEqual({ purged: 1, seen: 2, last });
      expect(await left(client, [waits, free, dead, last])).toEqual([waits, dead]);
    });
  });

  it('costs the same whether the table has a hundred runs or a hundred thousand', async () => {
    const blocks = async (client: pg.Client) => {
      await client.query('SAVEPOINT cost');
      type Plan = { 'QUERY PLAN': [{ Plan: Record<string, number> }] };
      const { rows } = await client.query<Plan>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM outbox_purge_runs(${days}, '00000000-0000-0000-0000-000000000000', 100)`,
      );
      await client.query('ROLLBACK TO SAVEPOINT cost');
      const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {};
      return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
    };
    await rolledBack('postgres', async (client) => {
      // As the pool of cleanup has it.
      await client.query('SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan');
      await age(client, 'u', 100, days + 1);
      await blocks(client);
      const small = await blocks(client);
      for (let at = 0; at < 100; at += 1) await age(client, 'u', 1000, 400, at * 1000);
      await blocks(client);
      // The tree has at most one more level, which is one more block per descent.
      expect(small).toBeGreaterThan(100);
      expect(await blocks(client)).toBeLessThan(small * 2);
    });
  });

  it('may be called only by cleanup, which cannot delete runs in another way, of today, or without a bound', async () => {
    for (const login of ['ingest', 'cdc', 'operator', 'actions'] as const)
      expect([login, await rolledBack(login, (client) => outcome(client, 'SELECT outbox_purge_runs(1000, NULL, 1)'))]).toEqual([
        login,
        '42501',
      ]);
    await rolledBack('cleanup', async (client) => {
      expect(await outcome(client, 'DELETE FROM zap_run')).toBe('42501');
      expect(await outcome(client, 'SELECT id FROM zap_run')).toBe('42501');
      expect(await outcome(client, 'SELECT outbox_purge_runs(0, NULL, 1)')).toBe('22023');
      expect(await outcome(client, 'SELECT outbox_purge_runs(1000, NULL, 2001)')).toBe('22023');
      expect(await outcome(client, 'SELECT outbox_purge_runs(1000, NULL, 1)')).toBe('accepted');
    });
  });
});

describe('cleanup with RUN_KEEP_DAYS', () => {
  it('purges all old runs in several batches, and keeps one that is being replayed', async () => {
    const userId = uniqueName('old');
    await withClient(databaseUrl(config, 'outbox_owner'), async (client) => {
      const ids = await age(client, userId, 1203, days + 1);
      const [locked = ''] = ids;
      await rolledBack('operator', async (replaying) => {
        await replaying.query(`SELECT outbox_replay(ARRAY[$1::uuid], ARRAY['\\x000000000001'::bytea])`, [locked]);
        const copy = await startCleanup({ RUN_KEEP_DAYS: String(days), CLEANUP_GROUP: uniqueName('cleanup') });
        try {
          await waitFor('the runs are gone', async () => (await left(client, ids)).length <= 1);
          expect(await left(client, ids)).toEqual([locked]);
          await waitFor('cleanup says so', () => Promise.resolve(/"runs":1202,"keepDays":10950/.test(copy.log())));
        } finally {
          await copy.stop();
        }
      });
      await query('DELETE FROM zap_run WHERE id = $1', [locked]);
    });
  });

  it('ends at its signal in the middle of the work', async () => {
    const stopping = new AbortController();
    let calls = 0;
    const pool = {
      query: () => {
        calls += 1;
        if (calls === 3) stopping.abort();
        return Promise.resolve({ rows: [{ purged: 500, seen: 500, last: v7() }] });
      },
    };
    expect(await purgeRuns(pool as never, 1, stopping.signal, () => undefined)).toBe(1500);
  });
});
