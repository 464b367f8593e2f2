import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { insertion, outcome, rolledBack } from './support/catalog.ts';

// The functions that move rows, each in a transaction that is rolled back, so the running stack sees none of it.

type Row = Record<string, unknown>;
const made = (): Row & { id: string } => ({
  id: randomUUID(),
  aggregatetype: 'zap-run',
  aggregateid: 'u/z',
  type: 'ZapRunCreated',
  payload: Buffer.from('00000000010203', 'hex'),
  traceparent: 'tp',
  created_at: new Date('2026-01-02T03:04:05.678Z'),
});

/** Inserts rows as the owner, in this order, and then switches to the role. */
async function asRole(role: string, rows: Row[], use: (client: pg.Client) => Promise<void>): Promise<void> {
  await rolledBack('postgres', async (client) => {
    for (const row of rows) await client.query(...insertion('zap_run_outbox', row));
    // No login of the stack but the operator's has this; elsewhere one may.
    await client.query(`GRANT TEMPORARY ON DATABASE outbox TO ${role}`);
    await client.query(`SET LOCAL ROLE ${role}`);
    await use(client);
  });
}

async function call(client: pg.Client, name: string, ...values: unknown[]): Promise<number> {
  const places = values.map((_, at) => `$${at + 1}`).join(', ');
  const { rows } = await client.query<{ moved: number }>(`SELECT ${name}(${places}) AS moved`, values);
  return rows[0]?.moved ?? -1;
}

const found = async (client: pg.Client, table: string, ids: string[]) =>
  (await client.query<Row>(`SELECT * FROM ${table} WHERE id = ANY ($1) ORDER BY seq`, [ids])).rows;

describe('outbox_resend', () => {
  it('inserts the rows again in order with the same id, bytes and time, and skips an unknown id', async () => {
    const rows = [made(), made(), made()];
    const ids = rows.map(({ id }) => id);
    await asRole('outbox_cleanup', rows, async (client) => {
      const before = await found(client, 'zap_run_outbox', ids);
      expect(await call(client, 'outbox_resend', [...ids.toReversed(), randomUUID()])).toBe(3);
      const after = await found(client, 'zap_run_outbox', ids);
      expect(after).toEqual(rows.map((row, at) => ({ ...row, resends: 1, seq: after[at]?.seq })));
      expect(Number(after[0]?.seq)).toBeGreaterThan(Number(before[2]?.seq));
      expect(await call(client, 'outbox_resend', ids)).toBe(3);
      expect((await found(client, 'zap_run_outbox', ids)).map(({ resends }) => resends)).toEqual([2, 2, 2]);
    });
  });
});

describe('outbox_bury', () => {
  it('moves rows with every column and the reason, and outbox_requeue brings them back in their order', async () => {
    const rows = [made(), made()];
    const ids = rows.map(({ id }) => id);
    await asRole('outbox_operator', rows, async (client) => {
      const before = await found(client, 'zap_run_outbox', ids);
      expect(await call(client, 'outbox_bury', [...ids, randomUUID()], 'TOO_LARGE', 'a test')).toBe(2);
      expect(await found(client, 'zap_run_outbox', ids)).toEqual([]);
      const dead = await found(client, 'outbox_dead', ids);
      expect(dead).toEqual(before.map((row, at) => ({ ...row, code: 'TOO_LARGE', reason: 'a test', moved_at: dead[at]?.moved_at })));
      expect(await call(client, 'outbox_requeue', [...ids.toReversed(), randomUUID()])).toBe(2);
      expect(await found(client, 'outbox_dead', ids)).toEqual([]);
      const back = await found(client, 'zap_run_outbox', ids);
      expect(back).toEqual(rows.map((row, at) => ({ ...row, resends: 1, seq: back[at]?.seq })));
    });
  });

  it('removes a buried row whose id is in the outbox again, and leaves the outbox row unchanged', async () => {
    const row = made();
    await rolledBack('postgres', async (client) => {
      await client.query(...insertion('zap_run_outbox', row));
      await call(client, 'outbox_bury', [row.id], 'LOST', 'a test');
      await client.query(...insertion('zap_run_outbox', row));
      expect(await call(client, 'outbox_requeue', [row.id])).toBe(1);
      expect(await found(client, 'outbox_dead', [row.id])).toEqual([]);
      expect(await found(client, 'zap_run_outbox', [row.id])).toMatchObject([{ resends: 0 }]);
    });
  });
});

const calls = { resend: 'SELECT outbox_resend($1)', bury: "SELECT outbox_bury($1, 'BY_HAND', 'x')", requeue: 'SELECT outbox_requeue($1)' };
const allowed: Record<string, string[]> = { cleanup: ['resend', 'bury'], operator: ['bury', 'requeue'], ingest: [], cdc: [], actions: [] };

describe('the functions that move rows', () => {
  it.each(Object.keys(allowed))('can be called by %s only as far as its role allows', async (login) => {
    await rolledBack(login as 'cleanup', async (client) => {
      for (const [name, sql] of Object.entries(calls)) {
        expect([name, await outcome(client, sql, [[randomUUID()]])]).toEqual([
          name,
          allowed[login]?.includes(name) === true ? 'accepted' : '42501',
        ]);
      }
    });
  });

  it('cannot be redirected to a table of the caller', async () => {
    const row = made();
    await asRole('outbox_cleanup', [row], async (client) => {
      await client.query('CREATE TEMP TABLE zap_run_outbox (LIKE public.zap_run_outbox)');
      expect(await call(client, 'outbox_resend', [row.id])).toBe(1);
      expect(await found(client, 'public.zap_run_outbox', [row.id])).toMatchObject([{ resends: 1 }]);
    });
  });
});
