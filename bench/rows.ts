import pg from 'pg';
import { v7 } from 'uuid';
import { databaseUrl, type StackConfig } from '../stack/config.ts';

// Inserts outbox rows without ingest, so that a benchmark measures only what follows the table.

export interface Rows {
  pool: pg.Pool;
  /** Inserts rows of about 500 bytes in one statement. @returns their ids */
  insert: (count: number) => Promise<string[]>;
  depth: () => Promise<number>;
  /** The size of heap, indexes and TOAST. */
  sizeMb: () => Promise<number>;
  /** Waits until the slot has confirmed all that was written, so that every row is on the topic. */
  untilPublished: (withinMs: number) => Promise<void>;
}

/** @param payload a real event's bytes, as consumers may read these records too */
export function createRows(config: StackConfig, payload: Buffer): Rows {
  const pool = new pg.Pool({ connectionString: databaseUrl(config, 'outbox_owner'), max: 8 });
  // Connections that end with a stack must not hide why it was brought down.
  pool.on('error', () => undefined);
  const one = async <T extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => (await pool.query<T>(sql, values)).rows[0];
  return {
    pool,
    insert: async (count) => {
      const ids = Array.from({ length: count }, () => v7());
      await pool.query({
        name: 'insert-rows',
        text: `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
               SELECT id, 'zap-run', 'bench/zap-' || n % 64, 'ZapRunCreated', $2 FROM unnest($1::uuid[]) WITH ORDINALITY AS x (id, n)`,
        values: [ids, payload],
      });
      return ids;
    },
    depth: async () => (await one<{ n: number }>('SELECT count(*)::int AS n FROM zap_run_outbox'))?.n ?? NaN,
    sizeMb: async () => Number((await one<{ n: string }>(`SELECT pg_total_relation_size('zap_run_outbox') AS n`))?.n) / 1_048_576,
    untilPublished: async (withinMs) => {
      const lsn = (await one<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn'))?.lsn;
      const confirmed = `SELECT coalesce(bool_or(confirmed_flush_lsn >= $1::pg_lsn), false) AS done FROM pg_replication_slots WHERE slot_name = 'zap_run_outbox'`;
      await until('the slot confirms', async () => (await one<{ done: boolean }>(confirmed, [lsn]))?.done === true, withinMs);
    },
  };
}

/** @throws when it does not come within the time */
export async function until(what: string, condition: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not reached within ${withinMs} ms: ${what}`);
    await pause(100);
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A real event's bytes, by way of ingest. `cleanup` must not run. */
export async function samplePayload(config: StackConfig): Promise<Buffer> {
  const body = JSON.stringify({ text: 'x'.repeat(388) });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${config.INGEST_PORT}/hooks/catch/bench/sample`, { method: 'POST', body, headers });
  const { id } = (await answer.json()) as { id: string };
  const client = new pg.Client({ connectionString: databaseUrl(config, 'outbox_owner') });
  await client.connect();
  try {
    const { rows } = await client.query<{ payload: Buffer }>('SELECT payload FROM zap_run_outbox WHERE id = $1', [id]);
    if (rows[0] === undefined) throw new Error(`ingest answered ${answer.status}, and there is no row`);
    return rows[0].payload;
  } finally {
    await client.end();
  }
}
