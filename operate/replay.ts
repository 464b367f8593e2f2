import { Command } from '@commander-js/extra-typings';
import { moment, runId, zap } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { eventsOf, type Selection } from './runs.ts';
import { UsageError, type Output, type Run, type Work } from './verb.ts';

export const replay = (run: Run) =>
  new Command('replay')
    .description('sends the events of a zap or of one run again, with the same ids and bytes')
    .option('--zap <userId/zapId>', 'the zap', zap)
    .option('--since <time>', 'runs received since then', moment)
    .option('--until <time>', 'and before then', moment)
    .option('--run <id>', 'this run', runId)
    .option('--dry-run', 'count only')
    .action(({ dryRun = false, ...chosen }) => run(replaying(chosen, dryRun)));

/** A zap since a time, or one run. */
export interface Replayed {
  zap?: Selection['zap'];
  since?: Date | undefined;
  until?: Date | undefined;
  run?: string | undefined;
}

/** @param dry only counts. Throws UsageError before any work. */
export const replaying =
  ({ zap: of, since, until = new Date(), run: id }: Replayed, dry: boolean): Work =>
  (config, output) => {
    if (id !== undefined && of === undefined && since === undefined)
      return send({ id, since: new Date(0), until: new Date(8.64e15) }, dry, config, output);
    if (id !== undefined || of === undefined || since === undefined) throw new UsageError('replay takes --zap and --since, or --run alone');
    return send({ zap: of, since, until }, dry, config, output);
  };

export const rebuild = (run: Run) =>
  new Command('rebuild')
    .description('sends the events of all zaps again, for instance after the topic lost its data')
    .requiredOption('--since <time>', 'runs received since then', moment)
    .option('--dry-run', 'count only')
    .action(({ since, dryRun = false }) => run((config, output) => send({ since, until: new Date() }, dryRun, config, output)));

/** Encodes the runs again and inserts them into the outbox. Rows that still wait there, or are buried, are left alone. */
async function send(selection: Selection, dry: boolean, { DATABASE_URL }: Config, { say }: Output): Promise<number> {
  return withPostgres(DATABASE_URL, async (pool) => {
    let found = 0;
    let sent = 0;
    for await (const events of eventsOf(pool, selection)) {
      found += events.length;
      const ids = events.map(({ id }) => id);
      const { rowCount } = dry
        ? await pool.query(
            `SELECT FROM unnest($1::uuid[]) AS x (id)
              WHERE NOT EXISTS (SELECT FROM zap_run_outbox o WHERE o.id = x.id) AND NOT EXISTS (SELECT FROM outbox_dead d WHERE d.id = x.id)`,
            [ids],
          )
        : await pool.query('SELECT outbox_replay($1::uuid[], $2::bytea[])', [ids, events.map(({ payload }) => payload)]);
      sent += rowCount ?? 0;
    }
    const left = found - sent;
    const rest = left === 0 ? '' : `; ${left} are in the outbox or buried and ${dry ? 'would be' : 'were'} left alone`;
    say(`${found} runs, ${sent} ${dry ? 'would be sent' : 'are sent'} again${rest}.`);
    return 0;
  });
}
