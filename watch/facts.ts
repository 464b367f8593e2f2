import type { Pool } from 'pg';
import { drift } from '../checks/configuration.ts';
import { evaluatePublication, readPublication } from '../checks/postgres.ts';
import { describePause, readConnectorState, readSlot, type ConnectorState, type Slot } from '../checks/state.ts';
import type { Shard } from '../contract/shards.ts';
import type { ConnectApi, ConnectorConfig, ConnectorStatus } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';

/** The answers of Postgres and Connect in one round. */
export interface Facts {
  /** Why the watchdog must not act; undefined when the connector should run. */
  paused: string | undefined;
  /** undefined: it does not exist. */
  publicationOid: number | undefined;
  /** What is wrong with the publication; undefined when it is correct. */
  publicationFault: string | undefined;
  /** The publication that the slot was made for. */
  knownPublicationOid: number;
  /** undefined: it does not exist. */
  slot: Slot | undefined;
  /**
   * The position of the connector: what the slot has confirmed and what Connect has stored. The stored one also moves
   * within a large transaction. Heartbeats move both every few seconds, with or without events.
   */
  position: string;
  /** Whether the connector takes a snapshot: it reads the table, not the slot, and publishes all waiting rows. It may take long. */
  snapshot: boolean;
  /** Whether Connect answered. Without an answer the state of the connector is unknown. */
  connectAnswers: boolean;
  /** The reason when Connect refuses the login. */
  connectRefuses?: string | undefined;
  /** undefined: not registered, or Connect did not answer. */
  connector: ConnectorStatus | undefined;
  /** The keys in which the active settings differ from the file. */
  drift: readonly string[];
}

// Any role sees who holds which lock, but not the statements of others. A lock of a superuser may be a backup's.
const SNAPSHOT = `
  SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity a USING (pid) JOIN pg_roles r ON r.oid = a.usesysid
                  WHERE relation = to_regclass($1) AND a.datname = current_database()
                    AND pg_has_role(r.oid, 'outbox_cdc', 'USAGE') AND NOT r.rolsuper) AS snapshot`;

/** @throws when Postgres does not answer or lacks the migrations; a Connect that does not answer is a fact */
export async function readFacts(pool: Pool, connect: ConnectApi, config: ConnectorConfig, shard: Shard): Promise<Facts> {
  const [state, publication, slot, snapshots, connector, stored, inForce] = await Promise.all([
    readConnectorState(pool, shard.connector),
    readPublication(pool, config['publication.name']),
    readSlot(pool, shard.slot),
    pool.query<{ snapshot: boolean }>(SNAPSHOT, [config['table.include.list']]),
    connect.status(shard.connector).then(
      (status) => ({ answers: true, status, refuses: undefined }),
      (error: unknown) => ({
        ...{ answers: false, status: undefined },
        refuses: error instanceof ConnectionFault ? `${error.code}: ${error.message}` : undefined,
      }),
    ),
    connect.storedOffset(shard.connector).catch(() => undefined),
    connect.config(shard.connector).catch(() => undefined),
  ]);
  return {
    paused: pausedBy(state, connector.status),
    publicationOid: publication?.oid,
    publicationFault: evaluatePublication(publication, config, shard)?.found,
    knownPublicationOid: state.publicationOid,
    slot,
    position: JSON.stringify([slot?.confirmed, stored]),
    snapshot: snapshots.rows[0]?.snapshot === true,
    connectAnswers: connector.answers,
    connectRefuses: connector.refuses,
    connector: connector.status,
    drift: inForce === undefined ? [] : drift(inForce, config),
  };
}

/** A pause by `outbox pause` or by hand in Connect; the watchdog respects both. */
function pausedBy({ paused }: ConnectorState, status: ConnectorStatus | undefined): string | undefined {
  if (paused !== undefined) return describePause(paused);
  const state = status?.connector.state;
  return state === 'PAUSED' || state === 'STOPPED' ? `Connect says ${state}` : undefined;
}
