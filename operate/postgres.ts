import pg from 'pg';
import { bounded } from '../kit/postgres.ts';
import { OperateError } from './verb.ts';

/** A replay or a purge works through much at once. */
const STATEMENT_MS = 300_000;

interface Options {
  /** One: temporary tables last as long as the pool. */
  connections?: number;
  /** For a look that must not take long: a statement that does is cancelled. */
  statementTimeoutMs?: number;
}

/**
 * A pool for the time of `use`. Whatever its queries throw is an OperateError.
 *
 * @throws OperateError POSTGRES_UNREACHABLE, or POSTGRES_REFUSED when it answers with an error
 */
export async function withPostgres<T>(
  connectionString: string,
  use: (pool: pg.Pool) => Promise<T>,
  { connections = 4, statementTimeoutMs = STATEMENT_MS }: Options = {},
): Promise<T> {
  const pool = new pg.Pool({
    ...bounded(connectionString, { max: connections, statementMs: statementTimeoutMs }),
    idleTimeoutMillis: 0,
    application_name: 'outbox-operate',
  });
  pool.on('error', () => undefined); // The next query says what is wrong.
  nameFaults(pool);
  try {
    await pool.query('SELECT 1');
    return await use(pool);
  } finally {
    await pool.end();
  }
}

/** Makes whatever the pool's queries throw an OperateError. */
export function nameFaults(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (...given: unknown[]) => Promise<unknown>;
  Object.assign(pool, {
    query: async (...given: unknown[]) =>
      query(...given).catch((error: unknown) => {
        throw postgresFault(error);
      }),
  });
}

/** SQLSTATE classes and codes of a server that cannot be worked with at the moment: going down, starting, full. */
const AWAY = /^(08|57P0|53300|3D000|28)/;

function postgresFault(error: unknown): OperateError {
  if (error instanceof pg.DatabaseError && !AWAY.test(error.code ?? ''))
    return new OperateError('POSTGRES_REFUSED', `Postgres refuses: ${error.message} (SQLSTATE ${error.code})`, error);
  return new OperateError('POSTGRES_UNREACHABLE', `Postgres cannot be asked: ${messageOf(error)}. Is DATABASE_URL right?`, error);
}

/** Node's error for several addresses that all failed has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
