import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** Why the migrations cannot be applied to this database: what is wrong and what to do, for a person. */
export class MigrateError extends Error {
  override readonly name = 'MigrateError';
  readonly code: 'DATABASE_ENCODING' | 'MIGRATION_EDITED';

  constructor(code: MigrateError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Prisma Migrate's own, which the engine takes as well: whoever holds it is applying migrations. */
const LOCK = 72_707_369;
const LOCK_WAIT_MS = 60_000;

// As the engine makes it. A database that has it counts as managed by Prisma; without it the engine refuses one that has
// tables of others (P3005). Ours do not touch them: a name that is taken stops the first migration, which changes nothing.
const HISTORY = `
  CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz,
    migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`;

/** Each migration is one transaction: one that has not finished has changed nothing and can be applied (else P3009, for good). */
const UNFINISHED = `
  UPDATE public._prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL`;

/**
 * Makes ready what the engine would refuse for no reason, and refuses what it would take.
 *
 * @param scripts name of the migration → its text
 * @throws MigrateError
 */
export async function prepare(pool: Pool, scripts: ReadonlyMap<string, string>): Promise<void> {
  const { rows } = await pool.query<{ encoding: string }>(
    'SELECT pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()',
  );
  const encoding = rows[0]?.encoding;
  if (encoding !== 'UTF8') {
    const detail = `the database has the encoding ${encoding}, which cannot hold every webhook. Make one with: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'`;
    throw new MigrateError('DATABASE_ENCODING', detail);
  }
  const client = await pool.connect();
  try {
    // Whoever is at it finishes first; of one that was killed, Postgres ends the session within a second.
    await client.query(`SET lock_timeout = ${LOCK_WAIT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(HISTORY);
    await client.query(UNFINISHED);
    const applied = await client.query<{ name: string; checksum: string }>(
      'SELECT migration_name AS name, checksum FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY started_at',
    );
    const edited = applied.rows.filter(({ name, checksum }) => {
      const script = scripts.get(name);
      return script !== undefined && createHash('sha256').update(script).digest('hex') !== checksum;
    });
    if (edited.length > 0) {
      const names = edited.map(({ name }) => name).join(', ');
      throw new MigrateError(
        'MIGRATION_EDITED',
        `applied with another content than the files have now: ${names}. Restore them, and write a new migration`,
      );
    }
  } finally {
    // The lock goes with the connection.
    client.release(true);
  }
}
