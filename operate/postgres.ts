import pg from 'pg';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { bounded } from '../kit/postgres.ts';
import { OperateError } from './verb.ts';

/** A replay or an erasure handles many rows per statement. */
const STATEMENT_MS = 300_000;

interface Options {
  /** One connection, so that temporary tables last as long as the pool. */
  connections?: number;
  /** Deadline of each statement, for reads that must be quick. */
  statementTimeoutMs?: number;
}

/**
 * Opens a pool and closes it when `use` has ended. Its queries throw only OperateErrors.
 *
 * @throws OperateError POSTGRES_LOGIN or POSTGRES_TLS when it cannot be connected to as DATABASE_URL says,
 *   POSTGRES_UNREACHABLE when it does not answer, POSTGRES_REFUSED when it answers with an error
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

/** Turns each error of the pool's queries into an OperateError. */
export function nameFaults(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (...given: unknown[]) => Promise<unknown>;
  Object.assign(pool, {
    query: async (...given: unknown[]) =>
      query(...given).catch((error: unknown) => {
        throw postgresFault(error);
      }),
  });
}

/** SQLSTATE classes and codes of a server that is temporarily unavailable: stopping, starting, full. */
const AWAY = /^(08|57P0|53300|3D000|28)/;

/** What a query threw, as what an operator can act on. */
export function postgresFault(error: unknown): OperateError {
  const { cause } = error as { cause?: unknown };
  if (cause instanceof ConnectionFault) return new OperateError(cause.code, cause.message, cause);
  if (error instanceof pg.DatabaseError && !AWAY.test(error.code ?? ''))
    return new OperateError('POSTGRES_REFUSED', `Postgres refuses: ${error.message} (SQLSTATE ${error.code})`, error);
  return new OperateError('POSTGRES_UNREACHABLE', `Postgres cannot be asked: ${messageOf(error)}. Is DATABASE_URL right?`, error);
}

/** Node's error about several failed addresses has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
