import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** The migrations cannot be applied to this database. The message says what is wrong and what to do. */
export class MigrateError extends Error {
  override readonly name = 'MigrateError';
  readonly code: 'DATABASE_ENCODING' | 'MIGRATION_EDITED';

  constructor(code: MigrateError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The advisory lock of Prisma Migrate, which the engine takes too. Its holder is applying migrations. */
const LOCK = 72_707_369;
const LOCK_WAIT_MS = 60_000;

// The table as the engine creates it. A database with it counts as managed by Prisma; without it the engine refuses a
// database that has other tables (P3005). Our migrations do not touch them: a name that exists already stops the first
// migration, which then changes nothing.
const HISTORY = `
  CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz,
    migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`;

/** Each migration is one transaction: an unfinished one has changed nothing and can be applied. Without this: P3009, permanently. */
const UNFINISHED = `
  UPDATE public._prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL`;

/**
 * Prepares databases that the engine would refuse without need, and refuses those that it should not accept.
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
    // A running migration finishes first. Postgres ends the session of a killed one within a second.
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
        `the files have changed since they were applied: ${names}. Restore them, and write a new migration`,
      );
    }
  } finally {
    // The lock ends with the connection.
    client.release(true);
  }
}
