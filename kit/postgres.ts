import pg from 'pg';
import type { Logger } from 'pino';

// How all services reach Postgres. A connection can die without a word (a proxy, a firewall, a host that is
// gone): then no answer and no error ever comes. So everything that is waited for has a bound, on both ends.

/** How long a connection may take to stand. */
const CONNECT_MS = 5000;
/** How much later than Postgres the client gives up: where both are well, it is Postgres that ends the statement. */
const LATER_MS = 1000;

export interface Bounds {
  /** Connections at most. */
  max: number;
  /** How long a statement may take, in ms: Postgres ends it then, and a second later the client drops the connection. */
  statementMs: number;
  /** How long a lock may be waited for, in ms. As long as the statement may take, unless given. */
  lockMs?: number;
  /** More settings of each session, as `-c name=value`. */
  options?: string;
}

/** What a pool or client is made with, so that none waits for ever. */
export function bounded(connectionString: string, { max, statementMs, lockMs, options = '' }: Bounds): pg.PoolConfig {
  return {
    connectionString,
    max,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs + LATER_MS,
    statement_timeout: statementMs,
    ...(lockMs === undefined ? {} : { lock_timeout: lockMs }),
    // The server's side: what a client that is gone without a word held (locks) is free again within half a minute.
    // public alone, whatever a role, a database or the environment (PGOPTIONS) says: a schema of the login's name would come
    // before it, and tables of the same names in there would be taken for ours.
    options: `-c search_path=public -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 ${options}`.trimEnd(),
  };
}

/** A pool whose every wait has a bound. Idle connections that are lost are logged, and replaced when needed. */
export function openPool(connectionString: string, bounds: Bounds, log: Logger): pg.Pool {
  const pool = new pg.Pool(bounded(connectionString, bounds));
  pool.on('error', (error) => log.warn({ cause: error.message }, 'idle connection lost'));
  return pool;
}
