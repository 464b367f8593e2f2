import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { readOutbox } from '../checks/outbox.ts';
import { rolledBack } from './support/catalog.ts';

// The figures of `status`, `doctor` and the page must not cost more when the outbox is full. The test rolls its
// transaction back, so the running stack sees none of the rows.

const ROWS = 12_000;
const ids = (table: string, columns: string, values: string) =>
  `INSERT INTO ${table} (id, aggregatetype, aggregateid, type, payload${columns})
   SELECT gen_random_uuid(), 'zap-run', 'u/z', 'ZapRunCreated', '\\x000000000102'::bytea${values} FROM generate_series(1, ${ROWS})`;

test('beyond 10,000 rows the depth and the buried rows are bounds', { timeout: 120_000 }, async () => {
  await rolledBack('postgres', async (client) => {
    const pool = client as unknown as Pool;
    await client.query(ids('zap_run_outbox', '', ''));
    await client.query(
      ids('outbox_dead', ', seq, resends, created_at, reason, moved_at, code', `, 1, 0, now(), 'a test', now(), 'BY_HAND'`),
    );
    const found = await readOutbox(pool);
    expect(found).toMatchObject({ exact: false, buriedExact: false, buried: 10_000 });
    expect(found.rows).toBeGreaterThanOrEqual(10_000);
    expect(found.oldest).toBeDefined();
  });
});
