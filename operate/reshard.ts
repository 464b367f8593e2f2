import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Pool } from 'pg';
import { readConnectorFile } from '../checks/connector-file.ts';
import { readConnectorState, readShards } from '../checks/state.ts';
import { isOfAShard, MAX_SHARDS, shardsOf } from '../contract/shards.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { pausing, resuming } from './pause.ts';
import { withPostgres } from './postgres.ts';
import { OperateError, type Run, type Work } from './verb.ts';

// Nothing has to be drained. A row stays in the outbox until its event was read back, and a new connector without a slot
// publishes every waiting row in the order of seq. So the first occurrences of a zap's events keep their order. Events that
// were published and not yet acknowledged are published again.

/** How long a removed connector may still hold its slot. */
const RELEASE_WITHIN_MS = 30_000;
const EVERY_MS = 200;

export const reshard = (run: Run) =>
  new Command('reshard')
    .description('changes how many connectors publish the outbox, and keeps the order; rows that wait are published again')
    .argument('<count>', `the new number of shards, 1 to ${MAX_SHARDS}`, shardCount)
    .action((count) => run(resharding(count)));

function shardCount(text: string): number {
  const count = /^[1-9]\d?$/.test(text) ? Number(text) : NaN;
  if (!(count <= MAX_SHARDS)) throw new InvalidArgumentError(`Expected a number of shards, 1 to ${MAX_SHARDS}.`);
  return count;
}

/**
 * The shards change in one transaction. If the verb is interrupted before it, the watchdog registers the old connectors
 * again, and after it the new ones. The verb can be run again.
 */
const resharding =
  (count: number): Work =>
  (config, output) =>
    withPostgres(config.DATABASE_URL, async (pool) => {
      const connect = new ConnectApi(config);
      const wanted = shardsOf(count);
      await refuseWithoutRoom(pool, count);
      const wasPaused = (await readConnectorState(pool)).paused !== undefined;
      // The watchdog leaves paused connectors alone.
      if (!wasPaused) await pausing(`shards: ${(await readShards(pool)).length} to ${count}`)(config, output);
      try {
        const names = await connect.names();
        const old = names.filter((name) => isOfAShard(name) && !wanted.some(({ connector }) => connector === name));
        for (const name of old) await connect.remove(name);
        await dropOldSlots(
          pool,
          wanted.map(({ slot }) => slot),
        );
        await pool.query('SELECT outbox_reshard($1)', [count]);
      } finally {
        if (!wasPaused) await resuming(config, output);
      }
      if (wasPaused) output.say('It was paused before and still is: npm run outbox -- resume');
      else for (const shard of wanted) await connect.putIfDifferent(shard.connector, readConnectorFile(shard));
      output.say(`The outbox has ${count === 1 ? 'one shard' : `${count} shards`}. Each publishes its rows that wait, again.`);
      return 0;
    });

/** Only slots of others count: the old ones are dropped before new ones are made. */
async function refuseWithoutRoom(pool: Pool, count: number): Promise<void> {
  const { rows } = await pool.query<{ name: string; slots: number; senders: number }>(
    `SELECT slot_name AS name, 0 AS slots, 0 AS senders FROM pg_replication_slots UNION ALL
     SELECT '', current_setting('max_replication_slots')::int, current_setting('max_wal_senders')::int`,
  );
  const others = rows.filter(({ name }) => name !== '' && !isOfAShard(name)).length;
  const limit = rows.find(({ name }) => name === '');
  if (limit === undefined || others + count <= Math.min(limit.slots, limit.senders)) return;
  throw new OperateError(
    'SLOT_ROOM',
    `${count} shards need ${count} replication slots beside ${others} others, and Postgres has room for ${Math.min(limit.slots, limit.senders)}. ` +
      'Nothing was changed. Raise max_replication_slots and max_wal_senders and restart Postgres.',
  );
}

async function dropOldSlots(pool: Pool, wanted: readonly string[]): Promise<void> {
  const deadline = performance.now() + RELEASE_WITHIN_MS;
  for (;;) {
    const { rows } = await pool.query<{ name: string; active: boolean }>('SELECT slot_name AS name, active FROM pg_replication_slots');
    const old = rows.filter(({ name }) => isOfAShard(name) && !wanted.includes(name));
    if (old.length === 0) return;
    for (const { name } of old.filter(({ active }) => !active)) await pool.query('SELECT public.outbox_drop_slot($1)', [name]);
    if (performance.now() > deadline)
      throw new OperateError('SLOT_IN_USE', `Still read: ${old.map(({ name }) => name).join(', ')}. Run the same command again.`);
    await delay(EVERY_MS);
  }
}
