import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Shard } from '../contract/shards.ts';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';

/** The clients and settings of the repairs. */
export interface Tools {
  /** Logged in as a member of outbox_operator. */
  pool: Pool;
  connect: ConnectApi;
  /** The one to repair. */
  shard: Shard;
  /** connect/outbox-connector.json, for the shard */
  config: ConnectorConfig;
  /** The largest record that Kafka accepts at the moment. @throws when it cannot be read */
  recordLimit: () => Promise<number>;
}

/** How long a restarted reader may still hold the slot. */
const RELEASE_WITHIN_MS = 10_000;
const TRY_EVERY_MS = 20;

/** @returns what was done, for the log */
export async function restorePublication({ pool, shard }: Tools): Promise<string> {
  const { rows } = await pool.query<{ done: string }>('SELECT outbox_restore_publication($1) AS done', [shard.publication]);
  return `publication ${rows[0]?.done}`;
}

/**
 * Drops the slot, so that Debezium makes a new one and publishes every row of the outbox. It costs repeats, never an
 * event: a row stays until its event has been read back. A restart makes a reader release the slot, which is dropped
 * before the reader returns.
 *
 * @throws when the slot was not released in time
 */
export async function dropSlot({ pool, connect, shard }: Tools): Promise<string> {
  const deadline = performance.now() + RELEASE_WITHIN_MS;
  let restarted = false;
  for (;;) {
    const done = await tryDrop(pool, shard);
    if (done !== 'in use') return `slot ${done}`;
    if (performance.now() > deadline) throw new Error(`the slot is still in use after ${RELEASE_WITHIN_MS} ms`);
    if (!restarted) await connect.restart(shard.connector, false);
    restarted = true;
    await delay(TRY_EVERY_MS);
  }
}

const OBJECT_IN_USE = '55006';
const UNDEFINED_OBJECT = '42704';

async function tryDrop(pool: Pool, { slot }: Shard): Promise<'dropped' | 'gone already' | 'in use'> {
  try {
    await pool.query('SELECT public.outbox_drop_slot($1)', [slot]);
    return 'dropped';
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === OBJECT_IN_USE) return 'in use';
    if (code === UNDEFINED_OBJECT) return 'gone already';
    throw error;
  }
}

/**
 * Re-creates a missing publication. The slot is dropped first: without a publication Postgres 18 skips rows, where 17 fails,
 * and later events would be published before the skipped ones.
 */
export async function makePublication(tools: Tools): Promise<string> {
  const slot = await dropSlot(tools);
  return `${slot}; ${await restorePublication(tools)}`;
}

/** The new oid is recorded after the drop, so an interrupted repair is retried. */
export async function dropSlotOfOldPublication(tools: Tools, publicationOid: number): Promise<string> {
  const done = await dropSlot(tools);
  await tools.pool.query('UPDATE connector_state SET publication_oid = $2 WHERE connector = $1', [tools.shard.connector, publicationOid]);
  return done;
}

export async function restartFailed({ connect, shard }: Tools): Promise<string> {
  await connect.restart(shard.connector, true);
  return 'the failed parts were restarted';
}

export async function restartAll({ connect, shard }: Tools): Promise<string> {
  await connect.restart(shard.connector, false);
  return 'connector and task were restarted';
}

export async function registerAgain({ connect, config, shard }: Tools): Promise<string> {
  await connect.putIfDifferent(shard.connector, config);
  return 'registered again';
}

/** A PUT also restarts a FAILED task. */
export async function putBack({ connect, config, shard }: Tools): Promise<string> {
  return (await connect.putIfDifferent(shard.connector, config)) ? "the file's settings were put back" : 'they had been put back already';
}
