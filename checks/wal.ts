import { check, type CheckContext } from './check.ts';

interface Holders {
  /** The file that could not be archived, while nothing has been archived since. */
  unarchived: string | null;
  /** The name of the oldest prepared transaction, and how many hours old it is. */
  prepared: string | null;
  hours: number | null;
}

/** A healthy transaction manager ends its transactions within seconds. */
const OLD_HOURS = 1;

// Slots, the third reason, have checks of their own.
export const walHeld = check({
  code: 'WAL_HELD',
  grade: 'weak',
  why: 'Postgres keeps WAL until the disk is full and it stops. A prepared transaction also keeps a new slot from being made, and dead rows in the outbox.',
  needs: ['postgres'],
  read: async ({ pool }: CheckContext): Promise<Holders | undefined> => {
    const { rows } = await pool.query<Holders>(
      `SELECT CASE WHEN failed_count > 0 AND last_failed_time > coalesce(last_archived_time, '-infinity') THEN last_failed_wal END AS unarchived,
              oldest.gid AS prepared, oldest.hours
         FROM pg_catalog.pg_stat_archiver
         LEFT JOIN (SELECT gid, floor(extract(epoch FROM now() - prepared) / 3600)::int AS hours
                      FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 1) AS oldest ON true`,
    );
    return rows[0];
  },
  evaluate: (found) => {
    if (found === undefined) return undefined;
    const { unarchived, prepared, hours } = found;
    const old = prepared !== null && (hours ?? 0) >= OLD_HOURS;
    if (unarchived === null && !old) return undefined;
    const archiving = unarchived === null ? [] : [`archiving fails at ${unarchived}`];
    const transaction = old ? [`the prepared transaction ${prepared} has been open for ${hours} h`] : [];
    return {
      found: [...archiving, ...transaction].join('; '),
      remedy:
        unarchived === null
          ? `Ask whose it is. If nobody ends it, as an administrator in its database: ROLLBACK PREPARED '${prepared}';`
          : "See why archive_command or archive_library fails: Postgres' log has its words.",
    };
  },
});
