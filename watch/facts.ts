import type { Pool } from 'pg';
import { drift } from '../checks/configuration.ts';
import { evaluatePublication, readPublication } from '../checks/postgres.ts';
import { describePause, readConnectorState, readSlot, type ConnectorState, type Slot } from '../checks/state.ts';
import { CONNECTOR_NAME } from '../contract/names.ts';
import type { ConnectApi, ConnectorConfig, ConnectorStatus } from '../kit/connect-api.ts';
import { LoginError } from '../kit/http-login.ts';

/** What Postgres and Connect said in one round. */
export interface Facts {
  /** Why nothing may be touched; undefined when the connector is meant to run. */
  paused: string | undefined;
  /** undefined: there is none. */
  publicationOid: number | undefined;
  /** What is wrong with the publication; undefined when it is as it should be. */
  publicationFault: string | undefined;
  /** The publication that the slot was made for. */
  knownPublicationOid: number;
  /** undefined: there is none. */
  slot: Slot | undefined;
  /**
   * How far the connector is: what the slot has confirmed, and what Connect has stored, which moves inside of a large
   * transaction too. Heartbeats move it every few seconds, with or without events.
   */
  position: string;
  /** The connector reads the table and not the slot: it publishes again all that waits, which may take long. */
  snapshot: boolean;
  /** Whether Connect answered; without an answer nothing is known of the connector. */
  connectAnswers: boolean;
  /** Why it did not, where that is its login. */
  connectRefuses?: string | undefined;
  /** undefined: not registered, or Connect did not answer. */
  connector: ConnectorStatus | undefined;
  /** The settings in force that are not the file's. */
  drift: readonly string[];
}

// Everybody sees locks and whose they are, but not what others run. A superuser's may be a backup.
const SNAPSHOT = `
  SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity a USING (pid) JOIN pg_roles r ON r.oid = a.usesysid
                  WHERE relation = to_regclass($1) AND a.datname = current_database()
                    AND pg_has_role(r.oid, 'outbox_cdc', 'USAGE') AND NOT r.rolsuper) AS snapshot`;

/** @throws when Postgres does not answer or lacks the migrations; a Connect that does not answer is a fact */
export async function readFacts(pool: Pool, connect: ConnectApi, config: ConnectorConfig): Promise<Facts> {
  const [state, publication, slot, snapshots, connector, stored, inForce] = await Promise.all([
    readConnectorState(pool),
    readPublication(pool, config['publication.name']),
    readSlot(pool),
    pool.query<{ snapshot: boolean }>(SNAPSHOT, [config['table.include.list']]),
    connect.status(CONNECTOR_NAME).then(
      (status) => ({ answers: true, status, refuses: undefined }),
      (error: unknown) => ({
        ...{ answers: false, status: undefined },
        refuses: error instanceof LoginError ? `${error.code}: ${error.message}` : undefined,
      }),
    ),
    connect.storedOffset(CONNECTOR_NAME).catch(() => undefined),
    connect.config(CONNECTOR_NAME).catch(() => undefined),
  ]);
  return {
    paused: pausedBy(state, connector.status),
    publicationOid: publication?.oid,
    publicationFault: evaluatePublication(publication, config)?.found,
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

/** Paused by the operator's verb, or by hand in Connect: either is somebody's wish. */
function pausedBy({ paused }: ConnectorState, status: ConnectorStatus | undefined): string | undefined {
  if (paused !== undefined) return describePause(paused);
  const state = status?.connector.state;
  return state === 'PAUSED' || state === 'STOPPED' ? `Connect says ${state}` : undefined;
}
