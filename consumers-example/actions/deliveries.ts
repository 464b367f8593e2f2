import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { openPool } from '../../kit/postgres.ts';
import type { Action } from './payload.ts';

// The tables of the schema `actions`. Each statement handles many rows, so the number of statements grows with the number of
// groups, not of calls.

/** A call that this process must make, until its lease ends. */
export interface Delivery extends Action {
  target: string;
  /** Attempts made so far. */
  attempts: number;
  /** The end of the lease, by Postgres's clock: the fence of the outcome. */
  lease: Date;
}

/** The outcome of an attempt, ready to be written. */
export interface Outcome {
  delivery: Delivery;
  state: 'delivered' | 'pending' | 'dead';
  /** The wait until the next attempt, if there is one. */
  delayMs: number;
  disables: boolean;
  status: number | null;
  error: string | null;
}

// Existing rows are not written again: this is the inbox.
const STORE = `
  WITH new_event AS (
    INSERT INTO actions.event (id, zap, body, traceparent)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $8::text[]) ON CONFLICT DO NOTHING
  )
  INSERT INTO actions.delivery (event_id, target, due_at)
  SELECT event_id, target, now() + CASE WHEN taken THEN $7 * interval '1 ms' ELSE interval '0' END
  FROM unnest($4::uuid[], $5::text[], $6::bool[]) AS wanted (event_id, target, taken)
  ON CONFLICT DO NOTHING
  RETURNING event_id, target, due_at`;

// As many per target as it has room for. SKIP LOCKED leaves the rows that another copy is taking.
const CLAIM = `
  WITH due AS (
    SELECT found.* FROM unnest($1::text[], $2::int[]) AS wanted (target, room)
    CROSS JOIN LATERAL (
      SELECT event_id, target FROM actions.delivery d
      WHERE d.target = wanted.target AND d.state = 'pending' AND d.due_at <= now()
      ORDER BY d.due_at LIMIT wanted.room FOR UPDATE SKIP LOCKED
    ) found
  ), claimed AS (
    UPDATE actions.delivery d SET due_at = now() + $3 * interval '1 ms'
    FROM due WHERE d.event_id = due.event_id AND d.target = due.target
    RETURNING d.event_id, d.target, d.attempts, d.due_at
  )
  SELECT claimed.*, e.zap, e.body, e.traceparent FROM claimed JOIN actions.event e ON e.id = claimed.event_id`;

// An attempt counts even if its lease has passed to another copy, and a 2xx settles the delivery: the target has it. Any
// other answer decides what follows only under its own lease.
const DECIDES = `(o.state = 'delivered' OR d.due_at = o.lease)`;
const SETTLE = `
  WITH outcome AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::float8[], $6::bool[], $7::int[], $8::text[])
      AS o (event_id, target, lease, state, delay_ms, disables, status, error)
  ), disabled AS (
    INSERT INTO actions.disabled_target (target, event_id)
    SELECT DISTINCT ON (target) target, event_id FROM outcome WHERE disables ON CONFLICT DO NOTHING
  )
  UPDATE actions.delivery d SET
    attempts = d.attempts + 1, last_status = o.status, last_error = o.error,
    state = CASE WHEN ${DECIDES} THEN o.state ELSE d.state END,
    due_at = CASE WHEN ${DECIDES} THEN now() + o.delay_ms * interval '1 ms' ELSE d.due_at END,
    settled_at = CASE WHEN ${DECIDES} AND o.state <> 'pending' THEN now() END
  FROM outcome o
  WHERE d.event_id = o.event_id AND d.target = o.target AND d.state = 'pending'`;

const RELEASE = `
  UPDATE actions.delivery d SET due_at = now()
  FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS held (event_id, target, lease)
  WHERE d.event_id = held.event_id AND d.target = held.target AND d.state = 'pending' AND d.due_at = held.lease`;

// Dead deliveries and their events stay until an operator has decided about them.
const PURGE = `
  DELETE FROM actions.event WHERE id IN (
    SELECT id FROM actions.event e
    WHERE stored_at < now() - $1 * interval '1 hour'
      AND NOT EXISTS (SELECT FROM actions.delivery d WHERE d.event_id = e.id AND d.state IN ('pending', 'dead'))
    ORDER BY stored_at LIMIT $2)`;

const COUNT = `
  SELECT target, count(*) FILTER (WHERE state = 'pending' AND attempts = 0)::int AS fresh,
         count(*) FILTER (WHERE state = 'pending' AND attempts > 0)::int AS retrying, count(*) FILTER (WHERE state = 'dead')::int AS dead
  FROM actions.delivery WHERE state = 'pending' OR state = 'dead' GROUP BY target`;

export interface Depth {
  target: string;
  fresh: number;
  retrying: number;
  dead: number;
}

interface Row {
  event_id: string;
  target: string;
  attempts: number;
  due_at: Date;
  zap: string;
  body: string;
  traceparent: string | null;
}

export function createPool(connectionString: string, log: Logger): Pool {
  return openPool(connectionString, { max: 4, statementMs: 30_000 }, log);
}

export type Deliveries = ReturnType<typeof createDeliveries>;

/** @param leaseMs how long this process holds a taken delivery */
export function createDeliveries(pool: Pool, leaseMs: number) {
  return {
    /**
     * Stores events with their targets. This process takes those that are marked as taken at once.
     *
     * @returns the taken ones among the new; what was there before is left alone
     */
    store: async (
      actions: readonly Action[],
      wanted: readonly { action: Action; target: string; taken: boolean }[],
    ): Promise<Delivery[]> => {
      const { rows } = await pool.query<Row>({
        name: 'store',
        text: STORE,
        values: [
          actions.map(({ eventId }) => eventId),
          actions.map(({ zap }) => zap),
          actions.map(({ body }) => body),
          wanted.map(({ action }) => action.eventId),
          wanted.map(({ target }) => target),
          wanted.map(({ taken }) => taken),
          leaseMs,
          actions.map(({ traceparent }) => traceparent),
        ],
      });
      const leases = new Map(rows.map((row) => [`${row.event_id} ${row.target}`, row.due_at]));
      return wanted.flatMap(({ action, target, taken }) => {
        const lease = taken ? leases.get(`${action.eventId} ${target}`) : undefined;
        return lease === undefined ? [] : [{ ...action, target, attempts: 0, lease }];
      });
    },

    /** Takes due calls, at most `room` per target. */
    claim: async (wanted: readonly { name: string; room: number }[]): Promise<Delivery[]> => {
      const values = [wanted.map(({ name }) => name), wanted.map(({ room }) => room), leaseMs];
      const { rows } = await pool.query<Row>({ name: 'claim', text: CLAIM, values });
      return rows.map((row) => ({ ...row, eventId: row.event_id, lease: row.due_at }));
    },

    settle: async (outcomes: readonly Outcome[]): Promise<void> => {
      await pool.query({
        name: 'settle',
        text: SETTLE,
        values: [
          ...keys(outcomes.map(({ delivery }) => delivery)),
          outcomes.map(({ state }) => state),
          outcomes.map(({ delayMs }) => delayMs),
          outcomes.map(({ disables }) => disables),
          outcomes.map(({ status }) => status),
          outcomes.map(({ error }) => error),
        ],
      });
    },

    /** Gives back calls that were taken and not tried. */
    release: async (held: readonly Delivery[]): Promise<void> => {
      await pool.query(RELEASE, keys(held));
    },

    disabled: async (): Promise<Set<string>> => {
      const { rows } = await pool.query<{ target: string }>({ name: 'disabled', text: 'SELECT target FROM actions.disabled_target' });
      return new Set(rows.map(({ target }) => target));
    },

    /** Deletes the oldest answered calls. @returns how many events, at most `limit` */
    purge: async (keepHours: number, limit: number): Promise<number> => (await pool.query(PURGE, [keepHours, limit])).rowCount ?? 0,

    depths: async (): Promise<Depth[]> => (await pool.query<Depth>(COUNT)).rows,
  };
}

const keys = (held: readonly Delivery[]) => [
  held.map(({ eventId }) => eventId),
  held.map(({ target }) => target),
  held.map(({ lease }) => lease.toISOString()),
];
