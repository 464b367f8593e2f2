import { z } from 'zod';
import { parseArguments, runId } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { UsageError, type Verb } from './verb.ts';

const BATCH_ROWS = 500;

interface Dead {
  id: string;
  zap: string;
  bytes: number;
  resends: number;
  moved_at: Date;
  reason: string;
}

export const dead: Verb = {
  usage: 'list | requeue <id…> | requeue --all',
  about: 'events that were taken out of the outbox because they could not be published, and their way back',
  run: async (args, config) => {
    const [what, ...rest] = args;
    if (what === 'list') return list(rest, config);
    if (what === 'requeue') return requeue(rest, config);
    throw new UsageError(`dead ${what ?? ''}: expected list or requeue`);
  },
};

async function list(args: string[], { DATABASE_URL }: Config): Promise<number> {
  parseArguments(args, {}, z.object({ _: z.array(z.string()).max(0, 'is not expected here') }));
  return withPostgres(DATABASE_URL, async (pool) => {
    let after = '00000000-0000-0000-0000-000000000000';
    let count = 0;
    for (;;) {
      const { rows } = await pool.query<Dead>(
        `SELECT id, aggregateid AS zap, octet_length(payload) AS bytes, resends, moved_at, reason
           FROM outbox_dead WHERE id > $1 ORDER BY id LIMIT ${BATCH_ROWS}`,
        [after],
      );
      for (const { id, zap, bytes, resends, moved_at: at, reason } of rows)
        process.stdout.write(`${id}  ${zap}  ${bytes} bytes, sent again ${resends} times, buried ${at.toISOString()}: ${reason}\n`);
      count += rows.length;
      after = rows.at(-1)?.id ?? after;
      if (rows.length < BATCH_ROWS) break;
    }
    process.stdout.write(
      count === 0 ? 'No event is dead.\n' : `${count} dead. Mend the cause, then: npm run outbox -- dead requeue --all\n`,
    );
    return 0;
  });
}

const requeued = z
  .object({ _: z.array(runId()), all: z.boolean().default(false) })
  .refine(({ _: ids, all }) => all !== ids.length > 0, { path: ['_'], message: 'expected ids, or --all and no ids' });

async function requeue(args: string[], { DATABASE_URL }: Config): Promise<number> {
  const { _: ids, all } = parseArguments(args, { all: { type: 'boolean' } }, requeued);
  return withPostgres(DATABASE_URL, async (pool) => {
    let moved = 0;
    const bring = async (batch: string[]) => {
      const { rows } = await pool.query<{ moved: number }>('SELECT outbox_requeue($1) AS moved', [batch]);
      moved += rows[0]?.moved ?? 0;
    };
    if (!all) await bring(ids);
    else {
      // Those that are there now: what is buried again meanwhile is not chased in a circle.
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
    process.stdout.write(`${moved} back in the outbox.\n`);
    if (all || moved === ids.length) return 0;
    process.stderr.write(`${ids.length - moved} of the ids are not among the dead.\n`);
    return 1;
  });
}
