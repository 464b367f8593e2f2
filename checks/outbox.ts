import type { Pool } from 'pg';

// How full the outbox is, at a cost that does not grow with its size (up to 10 GB).

/** Rows are counted up to this number. Beyond it Postgres' running estimate is used. */
const COUNTED = 10_000;
/** The oldest row is searched among this many rows with the lowest ids. Ids begin with their time, but a replayed row keeps its id. */
const SEARCHED_ROWS = 1000;

export interface Outbox {
  rows: number;
  /** false: `rows` is an estimate. */
  exact: boolean;
  oldest: { id: string; ageSeconds: number } | undefined;
  /** Events that could not be published; the same bound, without an estimate. */
  buried: number;
  buriedExact: boolean;
}

/** By the primary key: the table has no other index. */
export async function readOutbox(pool: Pool): Promise<Outbox> {
  const { rows } = await pool.query<{ rows: number; estimate: number; id: string | null; age: number | null; buried: number }>(
    `SELECT (SELECT count(*)::int FROM (SELECT id FROM zap_run_outbox ORDER BY id LIMIT $1) AS o) AS rows,
            (SELECT n_live_tup::float8 FROM pg_stat_user_tables WHERE relid = 'zap_run_outbox'::regclass) AS estimate,
            (SELECT count(*)::int FROM (SELECT id FROM outbox_dead ORDER BY id LIMIT $1) AS d) AS buried,
            oldest.id, extract(epoch FROM now() - oldest.created_at)::float8 AS age
       FROM (SELECT) AS one LEFT JOIN LATERAL (
         SELECT * FROM (SELECT id, created_at FROM zap_run_outbox ORDER BY id LIMIT $2) AS first ORDER BY created_at LIMIT 1
       ) AS oldest ON true`,
    [COUNTED, SEARCHED_ROWS],
  );
  const { rows: counted = 0, estimate = 0, id = null, age = null, buried = 0 } = rows[0] ?? {};
  const exact = counted < COUNTED;
  return {
    rows: exact ? counted : Math.max(counted, Math.round(estimate)),
    exact,
    oldest: id === null ? undefined : { id, ageSeconds: age ?? 0 },
    buried,
    buriedExact: buried < COUNTED,
  };
}
