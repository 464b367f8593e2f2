import { Command } from '@commander-js/extra-typings';
import type { Pool } from 'pg';
import { EVENT_TOPIC } from '../contract/names.ts';
import { runId, zap, type Zap } from './arguments.ts';
import { withPostgres } from './postgres.ts';
import { UsageError, type Run } from './verb.ts';

/** Runs per transaction. */
const BATCH_ROWS = 500;

export const erase = (run: Run) =>
  new Command('erase')
    .description("erases a person's runs, their buried rows and the action consumer's data about them; lists what it cannot reach")
    .option('--zap <userId/zapId>', 'all runs of this zap', zap)
    .option('--run <id>', 'this run', runId)
    .option('--cancel-calls', 'also erases runs with due calls, which are then not made')
    .option('--dry-run', 'count only')
    .action(({ zap: of, run: id, cancelCalls = false, dryRun = false }) =>
      run(async ({ DATABASE_URL }, { say }) => {
        if ((of === undefined) === (id === undefined)) throw new UsageError('erase takes --zap or --run');
        const chosen = of ?? id ?? '';
        const done = await withPostgres(DATABASE_URL, (pool) => eraseRuns(pool, chosen, { cancelCalls, dryRun }));
        for (const line of describe(done, dryRun)) say(line);
        return done.waiting + done.due === 0 ? 0 : 1;
      }),
    );

export interface Erased {
  erased: number;
  /** Kept: not yet acknowledged. */
  waiting: number;
  /** Kept: a call is due. */
  due: number;
  /** Erased and never published. */
  buried: number;
}

/** Erases in batches, each in its own transaction, so an interrupted run can be repeated. */
export async function eraseRuns(pool: Pool, chosen: Zap | string, how: { cancelCalls: boolean; dryRun: boolean }): Promise<Erased> {
  const sum = { erased: 0, waiting: 0, due: 0, buried: 0 };
  for await (const ids of batches(pool, chosen)) {
    const { rows } = await pool.query<Erased>('SELECT erased, waiting, due, dead AS buried FROM outbox_erase($1::uuid[], $2, $3)', [
      ids,
      how.cancelCalls,
      how.dryRun,
    ]);
    for (const row of rows) for (const name of Object.keys(sum) as (keyof Erased)[]) sum[name] += row[name];
  }
  return sum;
}

// Other tables may keep a run longer than the archive, so all three are searched. Each is scanned once by its primary key.
const SOURCES = [
  'SELECT id FROM zap_run WHERE user_id = $1 AND zap_id = $2 AND id > $3 ORDER BY id LIMIT $4',
  `SELECT id FROM outbox_dead d WHERE aggregateid = $1 || '/' || $2 AND id > $3
      AND NOT EXISTS (SELECT FROM zap_run r WHERE r.id = d.id) ORDER BY id LIMIT $4`,
  `SELECT id FROM actions.event e WHERE zap = $1 || '/' || $2 AND id > $3
      AND NOT EXISTS (SELECT FROM zap_run r WHERE r.id = e.id) AND NOT EXISTS (SELECT FROM outbox_dead d WHERE d.id = e.id)
    ORDER BY id LIMIT $4`,
];

async function* batches(pool: Pool, chosen: Zap | string): AsyncGenerator<string[]> {
  if (typeof chosen === 'string') yield [chosen];
  else yield* ofZap(pool, chosen);
}

async function* ofZap(pool: Pool, chosen: Zap): AsyncGenerator<string[]> {
  for (const source of SOURCES) {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const { rows } = await pool.query<{ id: string }>(source, [chosen.userId, chosen.zapId, after, BATCH_ROWS]);
      if (rows.length > 0) yield rows.map(({ id }) => id);
      after = rows.at(-1)?.id ?? after;
      if (rows.length < BATCH_ROWS) break;
    }
  }
}

function describe({ erased, waiting, due, buried }: Erased, dry: boolean): string[] {
  const lines = [`${erased} runs ${dry ? 'would be' : 'are'} erased${buried === 0 ? '' : `; ${buried} of them had never been published`}.`];
  if (waiting > 0) lines.push(`${waiting} are left: their events are not yet acknowledged. Run erase again when they are (outbox status).`);
  if (due > 0) lines.push(`${due} are left: calls of them are due. --cancel-calls erases them, and the calls are not made.`);
  return [
    ...lines,
    `Not reached: the records on ${EVENT_TOPIC} and its dead-letter topic, until their retention ends; what consumers and`,
    'called targets have stored; backups, WAL archives and replicas of Postgres; logs, until they are rotated. The services log',
    'ids and no content, but the two examples (typed consumer, echo target) log whole events, and Postgres the beginning of a row',
    'that it refuses. The idempotency keys are gone too: a webhook that is sent once more is a new one.',
  ];
}
