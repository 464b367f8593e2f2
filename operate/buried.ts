import { Command } from '@commander-js/extra-typings';
import { runIds } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { UsageError, type Output, type Run, type Work } from './verb.ts';

const BATCH_ROWS = 500;

interface BuriedRow {
  id: string;
  zap: string;
  bytes: number;
  resends: number;
  moved_at: Date;
  code: string;
  reason: string;
}

export const buried = (run: Run) =>
  new Command('buried')
    .alias('dead')
    .description('events that were taken out of the outbox because they could not be published')
    .addCommand(new Command('list').description('events that could not be published, and why').action(() => run(list)))
    .addCommand(
      new Command('requeue')
        .description('puts them back into the outbox')
        .argument('[id...]', 'their ids', runIds)
        .option('--all', 'all rows that are buried now')
        .action((ids = [], { all = false }) => run(requeuing(ids, all))),
    );

/** @throws UsageError when neither ids nor all are named, or both */
export function requeuing(ids: string[], all: boolean): Work {
  if (all === ids.length > 0) throw new UsageError('buried requeue takes ids, or --all and no ids');
  return (config, output) => requeue(ids, all, config, output);
}

async function list({ DATABASE_URL }: Config, { say }: Output): Promise<number> {
  return withPostgres(DATABASE_URL, async (pool) => {
    let after = '00000000-0000-0000-0000-000000000000';
    let count = 0;
    for (;;) {
      const { rows } = await pool.query<BuriedRow>(
        `SELECT id, aggregateid AS zap, octet_length(payload) AS bytes, resends, moved_at, code, reason
           FROM outbox_dead WHERE id > $1 ORDER BY id LIMIT ${BATCH_ROWS}`,
        [after],
      );
      for (const { id, zap, bytes, resends, moved_at: at, code, reason } of rows)
        say(`${id}  ${zap}  ${bytes} bytes, sent again ${resends} times, buried ${at.toISOString()}, ${code}: ${reason}`);
      count += rows.length;
      after = rows.at(-1)?.id ?? after;
      if (rows.length < BATCH_ROWS) break;
    }
    say(count === 0 ? 'No row is buried.' : `${count} buried. Fix the cause, then: npm run outbox -- buried requeue --all`);
    return 0;
  });
}

async function requeue(ids: string[], all: boolean, { DATABASE_URL }: Config, { say, warn }: Output): Promise<number> {
  return withPostgres(DATABASE_URL, async (pool) => {
    let moved = 0;
    const bring = async (batch: string[]) => {
      const { rows } = await pool.query<{ moved: number }>('SELECT outbox_requeue($1) AS moved', [batch]);
      moved += rows[0]?.moved ?? 0;
    };
    if (!all) await bring(ids);
    else {
      // Only rows that were buried before the start, so that a row that is buried again is not requeued in a loop.
      const { rows: last } = await pool.query<{ seq: string | null }>('SELECT max(moved_at)::text AS seq FROM outbox_dead');
      for (;;) {
        const { rows } = await pool.query<{ id: string }>(
          `SELECT id FROM outbox_dead WHERE moved_at <= $1::timestamptz ORDER BY seq LIMIT ${BATCH_ROWS}`,
          [last[0]?.seq],
        );
        if (rows.length === 0) break;
        await bring(rows.map(({ id }) => id));
      }
    }
    say(`${moved} back in the outbox.`);
    if (all || moved === ids.length) return 0;
    warn(`${ids.length - moved} of the ids are not among the buried rows.`);
    return 1;
  });
}
