import type { Pool } from 'pg';
import { CONNECTOR_NAME } from '../contract/names.ts';

// Whether the pipeline is proven to work, as Postgres knows it: the watchdog notes what it finds of the connector, and
// cleanup itself notes when an event arrived other than its row.

/** A watchdog that has not noted anything for this long does not run: its last word counts for nothing. */
const WATCHED_SECONDS = 60;

export interface Pipeline {
  /** Why no row may be moved at all: to send it again would only add another wrong or missing event. */
  fault: string | undefined;
  /** Since when nothing was wrong, as text; undefined when something is, or when nobody watches. */
  steadySince: string | undefined;
  /** The watchdog's last look, as text: one that is later than the last is a proof of its own. */
  lookedAt: string | undefined;
}

/** @param holdSeconds for how long after an altered event nothing is moved */
export async function readPipeline(pool: Pool, topic: string, holdSeconds: number): Promise<Pipeline> {
  const { rows } = await pool.query<{ wrong: boolean; altered: string | null; steady: string | null; looked: string | null }>(
    `SELECT coalesce(w.well_since IS NULL AND w.looked_at > now() - make_interval(secs => $3), false) AS wrong,
            CASE WHEN s.altered_at > now() - make_interval(secs => $4) THEN s.altered_id::text END AS altered,
            CASE WHEN w.well_since IS NOT NULL THEN greatest(w.well_since, s.altered_at)::text END AS steady,
            w.looked_at::text AS looked
     FROM cleanup_state s LEFT JOIN connector_state w ON w.connector = $2 WHERE s.topic = $1`,
    [topic, CONNECTOR_NAME, WATCHED_SECONDS, holdSeconds],
  );
  const { wrong = false, altered = null, steady = null, looked = null } = rows[0] ?? {};
  const fault =
    altered !== null
      ? `the event ${altered} arrived other than its row: with another key, other bytes or other headers`
      : wrong
        ? 'the watchdog finds the connector other than it should be (see doctor)'
        : undefined;
  return { fault, steadySince: fault === undefined ? (steady ?? undefined) : undefined, lookedAt: looked ?? undefined };
}

/** Notes that an event was read back that is not what its row has to become. */
export async function noteAltered(pool: Pool, topic: string, id: string): Promise<void> {
  await pool.query('UPDATE cleanup_state SET altered_at = now(), altered_id = $2 WHERE topic = $1', [topic, id]);
}
