import type { Pool } from 'pg';
import { CONNECTOR_NAME } from '../contract/names.ts';

// What Postgres knows of the pipeline's state, each asked in one way by whoever wants to know it.

export interface Slot {
  /** Somebody reads it. */
  active: boolean;
  /** reserved, extended, unreserved, or lost: invalidated, it can never be read again. */
  walStatus: string;
  /** Bytes of WAL that Postgres keeps for it. */
  keptBytes: number;
  /** Bytes of WAL that may still be written before it is in danger; undefined without a limit. */
  safeBytes: number | undefined;
  /** How far it is confirmed; it moves with every heartbeat. */
  confirmed: string | undefined;
}

/** @returns undefined when there is none */
export async function readSlot(pool: Pool, name: string | undefined): Promise<Slot | undefined> {
  const { rows } = await pool.query<{ active: boolean; status: string; kept: number; safe: number | null; confirmed: string | null }>(
    `SELECT active, wal_status AS status, safe_wal_size::float8 AS safe, confirmed_flush_lsn::text AS confirmed,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS kept
       FROM pg_replication_slots WHERE slot_name = $1`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { active, status, kept, safe, confirmed } = row;
  return { active, walStatus: status, keptBytes: kept, safeBytes: safe ?? undefined, confirmed: confirmed ?? undefined };
}

/** What an operator or the watchdog noted about the connector. */
export interface ConnectorState {
  /** Paused by the operator's verb; undefined when it is meant to run. */
  paused: { at: Date; because: string | undefined } | undefined;
  /** The publication that the slot was made for. */
  publicationOid: number;
}

/** @throws when the migrations are missing */
export async function readConnectorState(pool: Pool): Promise<ConnectorState> {
  const { rows } = await pool.query<{ at: Date | null; because: string | null; oid: string }>(
    `SELECT paused_at AS at, paused_because AS because, publication_oid::int8 AS oid FROM public.connector_state WHERE connector = $1`,
    [CONNECTOR_NAME],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`connector_state has no row for ${CONNECTOR_NAME}: apply the migrations (npm run migrate)`);
  return { paused: row.at === null ? undefined : { at: row.at, because: row.because ?? undefined }, publicationOid: Number(row.oid) };
}

/** Why cleanup deletes nothing any more, until the operator has looked. */
export interface CleanupStop {
  code: string;
  detail: string;
  at: Date;
}

/** @returns undefined while it works */
export async function readCleanupStop(pool: Pool, topic: string): Promise<CleanupStop | undefined> {
  const { rows } = await pool.query<{ code: string; detail: string | null; at: Date }>(
    'SELECT stop_code AS code, stop_detail AS detail, stopped_at AS at FROM cleanup_state WHERE topic = $1 AND stop_code IS NOT NULL',
    [topic],
  );
  const [row] = rows;
  return row && { ...row, detail: row.detail ?? '' };
}
