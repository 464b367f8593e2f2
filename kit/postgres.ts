import pg from 'pg';
import type { Logger } from 'pino';
import { explainPostgres } from './postgres-fault.ts';

// How all services reach Postgres. A connection can die silently (a proxy, a firewall, a lost host): then neither an
// answer nor an error ever arrives. So every wait has a bound, on both ends.

/** Deadline for opening a connection. */
const CONNECT_MS = 5000;
/** How much later than Postgres the client gives up, so that a healthy Postgres is the one that ends the statement. */
const LATER_MS = 1000;

/**
 * What every session relies on, whatever role, database or PGOPTIONS say. search_path: a schema named like the login would come
 * first and shadow our tables. datestyle: a date in another style is read as none, so a pause would not be seen.
 */
export const SESSION = String.raw`-c search_path=public -c datestyle=ISO -c default_transaction_isolation=read\ committed`;

export interface Bounds {
  /** The most connections. */
  max: number;
  /** Deadline of a statement, in ms: Postgres ends it, and a second later the client drops the connection. */
  statementMs: number;
  /** Deadline of waiting for a lock, in ms. By default that of the statement. */
  lockMs?: number;
  /** More settings of each session, as `-c name=value`. */
  options?: string;
}

type Connected = (error: Error | null, client: pg.Client) => void;

/** A client whose errors about login and TLS say what to do. */
export class PostgresClient extends pg.Client {
  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | void {
    const explained = <E>(error: E) => explainPostgres(error, this.user);
    if (callback !== undefined) {
      super.connect((error: Error | null) => callback(explained(error), this));
      return;
    }
    return super.connect().catch((error: unknown) => {
      throw explained(error);
    });
  }
}

/** The options of a pool with a bound on every wait. */
export function bounded(connectionString: string, { max, statementMs, lockMs, options = '' }: Bounds): pg.PoolConfig {
  return {
    connectionString,
    Client: PostgresClient,
    max,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs + LATER_MS,
    statement_timeout: statementMs,
    ...(lockMs === undefined ? {} : { lock_timeout: lockMs }),
    // Keepalive makes the server notice a lost client within half a minute and free its locks.
    options: `${SESSION} -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 ${options}`.trimEnd(),
  };
}

/** A pool with a bound on every wait. Lost idle connections are logged, and replaced when needed. */
export function openPool(connectionString: string, bounds: Bounds, log: Logger): pg.Pool {
  const pool = new pg.Pool(bounded(connectionString, bounds));
  pool.on('error', (error) => log.warn({ cause: error.message }, 'idle connection lost'));
  return pool;
}
