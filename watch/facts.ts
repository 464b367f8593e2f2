import type { Pool } from 'pg';
import { CONNECTOR_NAME } from '../contract/names.ts';
import type { ConnectApi, ConnectorConfig, ConnectorStatus } from '../kit/connect-api.ts';

/** What one look at Postgres and Connect showed. */
export interface Facts {
  /** Why nothing may be touched; undefined when the connector is meant to run. */
  paused: string | undefined;
  /** undefined: there is none. */
  publication: Publication | undefined;
  /** The publication that the slot was made for. */
  knownPublicationOid: number;
  /** undefined: there is none. */
  slot: Slot | undefined;
  /** The connector reads the table and not the slot: it publishes again all that waits, which may take long. */
  snapshot: boolean;
  /** A row of the outbox is older than ten seconds: not published, or not acknowledged. */
  waits: boolean;
  /** Whether Connect answered; without an answer nothing is known of the connector. */
  connectAnswers: boolean;
  /** undefined: not registered, or Connect did not answer. */
  connector: ConnectorStatus | undefined;
}

export interface Publication {
  oid: number;
  /** The outbox with all its columns and rows, inserts only, and nothing else. */
  fits: boolean;
}

export interface Slot {
  /** Somebody reads it. */
  active: boolean;
  /** Invalidated: it can never be read again. */
  lost: boolean;
  /** WAL that Postgres keeps for it. */
  retainedBytes: number;
  /** How far it is confirmed; it moves with every heartbeat. */
  confirmed: string | null;
}

// By catalog, not by pg_publication_tables: that view leaves out what the reader has no right to see.
const STATE = `
  SELECT s.paused_at, s.paused_because, s.publication_oid::int8 AS known_oid, p.oid::int8 AS oid,
         p.pubinsert AND NOT p.pubupdate AND NOT p.pubdelete AND NOT p.pubtruncate AND NOT p.puballtables
           AND NOT EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = p.oid)
           AND (SELECT count(*) FROM pg_publication_rel WHERE prpubid = p.oid) = 1
           AND EXISTS (SELECT FROM pg_publication_rel
                        WHERE prpubid = p.oid AND prrelid = to_regclass($2) AND prqual IS NULL AND prattrs IS NULL) AS fits
    FROM connector_state s LEFT JOIN pg_publication p ON p.pubname = $3
   WHERE s.connector = $1`;

const SLOT = `
  SELECT active, wal_status = 'lost' AS lost, confirmed_flush_lsn::text AS confirmed,
         coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS retained
    FROM pg_replication_slots WHERE slot_name = $1`;

// Everybody sees locks and whose they are, but not what others run. A superuser's may be a backup.
const OUTBOX = `
  SELECT (SELECT created_at FROM zap_run_outbox ORDER BY id LIMIT 1) < now() - interval '10 seconds' AS waits,
         EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity a USING (pid) JOIN pg_roles r ON r.oid = a.usesysid
                  WHERE relation = to_regclass($1) AND a.datname = current_database()
                    AND pg_has_role(r.oid, 'outbox_cdc', 'USAGE') AND NOT r.rolsuper) AS snapshot`;

interface StateRow {
  paused_at: Date | null;
  paused_because: string | null;
  known_oid: string;
  oid: string | null;
  fits: boolean | null;
}

interface SlotRow {
  active: boolean;
  lost: boolean;
  confirmed: string | null;
  retained: number;
}

/** @throws when Postgres does not answer or lacks the migrations; a Connect that does not answer is a fact */
export async function readFacts(pool: Pool, connect: ConnectApi, config: ConnectorConfig): Promise<Facts> {
  const names = [CONNECTOR_NAME, config['table.include.list'], config['publication.name']];
  const [state, slots, outbox, connector] = await Promise.all([
    pool.query<StateRow>(STATE, names),
    pool.query<SlotRow>(SLOT, [config['slot.name']]),
    pool.query<{ waits: boolean | null; snapshot: boolean }>(OUTBOX, [config['table.include.list']]),
    connect.status(CONNECTOR_NAME).then(
      (status) => ({ answers: true, status }),
      () => ({ answers: false, status: undefined }),
    ),
  ]);
  const row = state.rows[0];
  if (row === undefined) throw new Error(`connector_state has no row for ${CONNECTOR_NAME}: apply the migrations (npm run migrate)`);
  const slot = slots.rows[0];
  return {
    paused: pausedBy(row, connector.status),
    publication: row.oid === null ? undefined : { oid: Number(row.oid), fits: row.fits === true },
    knownPublicationOid: Number(row.known_oid),
    slot: slot && { active: slot.active, lost: slot.lost, retainedBytes: slot.retained, confirmed: slot.confirmed },
    snapshot: outbox.rows[0]?.snapshot === true,
    waits: outbox.rows[0]?.waits === true,
    connectAnswers: connector.answers,
    connector: connector.status,
  };
}

/** Paused by the operator's verb, or by hand in Connect: either is somebody's wish. */
function pausedBy({ paused_at: at, paused_because: because }: StateRow, status: ConnectorStatus | undefined): string | undefined {
  if (at !== null) return `paused since ${at.toISOString()}${because === null ? '' : `: ${because}`}`;
  const state = status?.connector.state;
  return state === 'PAUSED' || state === 'STOPPED' ? `Connect says ${state}` : undefined;
}
