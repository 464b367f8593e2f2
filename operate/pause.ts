import { Command } from '@commander-js/extra-typings';
import { readShards } from '../checks/state.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { reason } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { OperateError, type Run, type Work } from './verb.ts';

// The pause is stored in Postgres, for the watchdog: Connect forgets it when the connector is deleted.

export const pause = (run: Run) =>
  new Command('pause')
    .description('stops publishing and keeps the watchdog from restarting it; webhooks are still accepted')
    .option('--because <reason>', 'shown by status', reason)
    .action(({ because }) => run(pausing(because)));

export const resume = (run: Run) => new Command('resume').description('ends a pause').action(() => run(resuming));

export const pausing =
  (because: string | undefined): Work =>
  async (config, { say }) => {
    await note(config, 'UPDATE connector_state SET paused_at = coalesce(paused_at, now()), paused_because = $1', because ?? null);
    await tell(config, (connect, name) => connect.pause(name), 'the watchdog leaves it alone, but it may go on publishing');
    say('Paused. Rows wait in the outbox, and Postgres keeps WAL up to max_slot_wal_keep_size. End it with: npm run outbox -- resume');
    return 0;
  };

export const resuming: Work = async (config, { say }) => {
  await note(config, 'UPDATE connector_state SET paused_at = NULL, paused_because = $1', null);
  await tell(config, (connect, name) => connect.resume(name), 'run resume again once it answers');
  say('Resumed. The watchdog registers a missing connector within seconds.');
  return 0;
};

async function note({ DATABASE_URL }: Config, sql: string, because: string | null): Promise<void> {
  await withPostgres(DATABASE_URL, async (pool) => {
    const { rowCount } = await pool.query(sql, [because]);
    if (rowCount === 0) throw new OperateError('NOT_MIGRATED', 'connector_state has no row: apply the migrations (npm run migrate)');
  });
}

async function tell(config: Config, what: (connect: ConnectApi, name: string) => Promise<void>, meanwhile: string): Promise<void> {
  const shards = await withPostgres(config.DATABASE_URL, readShards);
  try {
    for (const { connector } of shards) await what(new ConnectApi(config), connector);
  } catch (error) {
    const [code, reason] = error instanceof ConnectionFault ? [error.code, error.message] : ['CONNECT_FAILED', String(error)];
    throw new OperateError(code, `Stored, but Connect could not be told: ${reason}; ${meanwhile}`, error);
  }
}
