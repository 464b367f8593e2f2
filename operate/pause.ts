import { z } from 'zod';
import { CONNECTOR_NAME } from '../contract/names.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { nothing, parseArguments } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { OperateError, type Verb } from './verb.ts';

// The wish is kept in Postgres, for the watchdog: Connect forgets a pause when the connector is deleted.

const paused = z.object({ _: nothing(), because: z.string().min(1).max(500).optional() });

export const pause: Verb = {
  usage: '[--because <reason>]',
  about: 'stops publishing and keeps the watchdog from starting it again; webhooks go on being taken',
  run: async (args, config) => {
    const { because } = parseArguments(args, { because: { type: 'string' } }, paused);
    await note(
      config,
      'UPDATE connector_state SET paused_at = coalesce(paused_at, now()), paused_because = $2 WHERE connector = $1',
      because ?? null,
    );
    await tell(config, (connect) => connect.pause(CONNECTOR_NAME), 'the watchdog leaves it alone, but it may go on publishing');
    process.stdout.write(
      'Paused. Rows wait in the outbox, and Postgres keeps WAL up to max_slot_wal_keep_size. End it with: npm run outbox -- resume\n',
    );
    return 0;
  },
};

export const resume: Verb = {
  usage: '',
  about: 'ends a pause',
  run: async (args, config) => {
    parseArguments(args, {}, z.object({ _: nothing() }));
    await note(config, 'UPDATE connector_state SET paused_at = NULL, paused_because = $2 WHERE connector = $1', null);
    await tell(config, (connect) => connect.resume(CONNECTOR_NAME), 'run resume again once it answers');
    process.stdout.write('Resumed. A connector that is not registered is registered by the watchdog within seconds.\n');
    return 0;
  },
};

async function note({ DATABASE_URL }: Config, sql: string, because: string | null): Promise<void> {
  await withPostgres(DATABASE_URL, async (pool) => {
    const { rowCount } = await pool.query(sql, [CONNECTOR_NAME, because]);
    if (rowCount !== 1) throw new OperateError('NOT_MIGRATED', 'connector_state has no row: apply the migrations (npm run migrate)');
  });
}

async function tell({ CONNECT_URL }: Config, say: (connect: ConnectApi) => Promise<void>, meanwhile: string): Promise<void> {
  try {
    await say(new ConnectApi(CONNECT_URL));
  } catch (error) {
    throw new OperateError('CONNECT_FAILED', `Noted, but Connect could not be told: ${String(error)}; ${meanwhile}`, error);
  }
}
