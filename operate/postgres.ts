import pg from 'pg';
import { bounded } from '../kit/postgres.ts';
import { OperateError } from './verb.ts';

/** A replay or a purge works through much at once. */
const STATEMENT_MS = 300_000;

/**
 * A pool for the time of `use`.
 *
 * @throws OperateError POSTGRES_UNREACHABLE
 */
export async function withPostgres<T>(connectionString: string, use: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ ...bounded(connectionString, { max: 4, statementMs: STATEMENT_MS }), application_name: 'outbox-operate' });
  pool.on('error', () => undefined); // The next query says what is wrong.
  try {
    await pool.query('SELECT 1').catch((error: unknown) => {
      throw new OperateError('POSTGRES_UNREACHABLE', `Postgres cannot be asked: ${String(error)}. Is DATABASE_URL right?`, error);
    });
    return await use(pool);
  } finally {
    await pool.end();
  }
}
