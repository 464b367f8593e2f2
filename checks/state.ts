import type { Pool } from 'pg';
import { shardsOf, type Shard } from '../contract/shards.ts';

// The pipeline's state as Postgres knows it. Each fact has one query, which all callers share.

export interface Slot {
  /** Whether a connector reads it. */
  active: boolean;
  /** reserved, extended, unreserved, or lost (invalidated; it can never be read again). */
  walStatus: string;
  /** Bytes of WAL that Postgres keeps for it. */
  keptBytes: number;
  /** Bytes of WAL that may be written before the slot is at risk; undefined without a limit. */
  safeBytes: number | undefined;
  /** The confirmed position in the WAL. It moves with every heartbeat. */
  confirmed: string | undefined;
  /** Bytes of WAL written since the confirmed position. */
  behindBytes: number;
}

/**
 * The shards that the outbox has now.
 *
 * @throws when the migrations are missing
 */
export async function readShards(pool: Pool): Promise<Shard[]> {
  const { rows } = await pool.query<{ count: number }>('SELECT count(connector)::int AS count FROM public.connector_state');
  const count = rows[0]?.count ?? 0;
  if (count === 0) throw new Error('connector_state has no row: apply the migrations (npm run migrate)');
  return shardsOf(count);
}

/** @returns undefined when there is none */
export async function readSlot(pool: Pool, name: string): Promise<Slot | undefined> {
  interface Row {
    active: boolean;
    status: string;
    kept: number;
    safe: number | null;
    confirmed: string | null;
    behind: number;
  }
  const { rows } = await pool.query<Row>(
    `SELECT active, wal_status AS status, safe_wal_size::float8 AS safe, confirmed_flush_lsn::text AS confirmed,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS kept,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::float8 AS behind
       FROM pg_replication_slots WHERE slot_name = $1`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { active, status, kept, safe, confirmed, behind } = row;
  return {
    active,
    walStatus: status,
    keptBytes: kept,
    safeBytes: safe ?? undefined,
    confirmed: confirmed ?? undefined,
    behindBytes: behind,
  };
}

/** Why no event can pass the slot at the moment. */
export type SlotFault = 'SLOT_MISSING' | 'SLOT_LOST' | 'SLOT_UNREAD';

/** The slots of all shards, in their order. */
export async function readSlots(pool: Pool): Promise<(Slot | undefined)[]> {
  return Promise.all((await readShards(pool)).map(({ slot }) => readSlot(pool, slot)));
}

/** The worst of each: what is wrong with one shard is shown for all. @returns undefined when one is missing */
export function worstSlot(slots: readonly (Slot | undefined)[]): Slot | undefined {
  const order = ['reserved', 'extended', 'unreserved', 'lost'];
  return slots.reduce((a, b) => {
    if (a === undefined || b === undefined) return undefined;
    return {
      active: a.active && b.active,
      walStatus: order.indexOf(a.walStatus) >= order.indexOf(b.walStatus) ? a.walStatus : b.walStatus,
      keptBytes: Math.max(a.keptBytes, b.keptBytes),
      safeBytes: a.safeBytes === undefined || b.safeBytes === undefined ? undefined : Math.min(a.safeBytes, b.safeBytes),
      confirmed: a.confirmed === undefined || b.confirmed === undefined || lsn(a.confirmed) <= lsn(b.confirmed) ? a.confirmed : b.confirmed,
      behindBytes: Math.max(a.behindBytes, b.behindBytes),
    };
  });
}

export function slotFault(slot: Slot | undefined): SlotFault | undefined {
  if (slot === undefined) return 'SLOT_MISSING';
  if (slot.walStatus === 'lost') return 'SLOT_LOST';
  return slot.active ? undefined : 'SLOT_UNREAD';
}

/** A position in the WAL, `0/1E35990`, as a number. */
export function lsn(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** A pause made by `outbox pause`. */
export interface Pause {
  at: Date;
  because: string | undefined;
}

export const describePause = ({ at, because }: Pause): string =>
  `paused by an operator since ${at.toISOString()}: ${because ?? 'no reason given'}`;

/** The state of the connector that operators and the watchdog store. */
export interface ConnectorState {
  /** undefined when the connector should run. */
  paused: Pause | undefined;
  /** The publication that the slot was made for. */
  publicationOid: number;
}

/**
 * @param connector undefined: any, for the pause, which all of them share
 * @throws when the migrations are missing
 */
export async function readConnectorState(pool: Pool, connector?: string): Promise<ConnectorState> {
  const { rows } = await pool.query<{ at: Date | null; because: string | null; oid: string }>(
    `SELECT paused_at AS at, paused_because AS because, publication_oid::int8 AS oid FROM public.connector_state
      WHERE connector = coalesce($1, connector) ORDER BY connector LIMIT 1`,
    [connector ?? null],
  );
  const [row] = rows;
  if (row === undefined)
    throw new Error(
      `connector_state has no row${connector === undefined ? '' : ` for ${connector}`}: apply the migrations (npm run migrate)`,
    );
  return { paused: row.at === null ? undefined : { at: row.at, because: row.because ?? undefined }, publicationOid: Number(row.oid) };
}

/** Why cleanup has stopped deleting; it waits for `outbox accept-topic`. */
export interface CleanupStop {
  code: string;
  detail: string;
  at: Date;
}

export interface CleanupState {
  stop: CleanupStop | undefined;
  /** What the reconciler does or waits for, and since how many seconds. */
  reconciler: { code: string; text: string; seconds: number };
}

/** @returns undefined before cleanup has started for the first time */
export async function readCleanupState(pool: Pool, topic: string): Promise<CleanupState | undefined> {
  interface Row {
    stop: string | null;
    detail: string | null;
    at: Date;
    code: string;
    text: string;
    seconds: number;
  }
  const { rows } = await pool.query<Row>(
    `SELECT stop_code AS stop, stop_detail AS detail, stopped_at AS at, reconciler_code AS code, reconciler AS text,
            round(extract(epoch FROM now() - reconciler_at))::int AS seconds
       FROM cleanup_state WHERE topic = $1`,
    [topic],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { stop, detail, at, code, text, seconds } = row;
  return { stop: stop === null ? undefined : { code: stop, detail: detail ?? '', at }, reconciler: { code, text, seconds } };
}

/** @returns undefined while it works */
export const readCleanupStop = async (pool: Pool, topic: string): Promise<CleanupStop | undefined> =>
  (await readCleanupState(pool, topic))?.stop;
