import type { Pool } from 'pg';
import { CONNECTOR_NAME } from '../contract/names.ts';

/**
 * Writes what a look found where cleanup reads it.
 *
 * @param unbroken false: what was between this look and the last is not known, so well counts from now
 */
export async function note(pool: Pool, well: boolean, unbroken: boolean): Promise<void> {
  await pool.query(
    `UPDATE connector_state
     SET looked_at = now(), well_since = CASE WHEN NOT $2 THEN NULL WHEN $3 THEN coalesce(well_since, now()) ELSE now() END
     WHERE connector = $1`,
    [CONNECTOR_NAME, well, unbroken],
  );
}
