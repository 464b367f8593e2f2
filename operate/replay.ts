import { z } from 'zod';
import { moment, nothing, parseArguments, zap } from './arguments.ts';
import type { Config } from './config.ts';
import { withPostgres } from './postgres.ts';
import { eventsOf, type Selection } from './runs.ts';
import type { Verb } from './verb.ts';

const dryRun = { 'dry-run': z.boolean().default(false) };
const dryRunOption = { 'dry-run': { type: 'boolean' } } as const;

export const replay: Verb = {
  usage: '--zap <userId/zapId> --since <time> [--until <time>] [--dry-run]',
  about: 'sends the events of a zap again, with the ids and bytes that they had',
  run: async (args, config) => {
    const given = parseArguments(
      args,
      { zap: { type: 'string' }, since: { type: 'string' }, until: { type: 'string' }, ...dryRunOption },
      z.object({ _: nothing(), zap: zap(), since: moment(), until: moment().optional(), ...dryRun }),
    );
    return send({ zap: given.zap, since: given.since, until: given.until ?? new Date() }, given['dry-run'], config);
  },
};

export const rebuild: Verb = {
  usage: '--since <time> [--dry-run]',
  about: 'sends the events of all zaps again, for instance after the topic lost its data',
  run: async (args, config) => {
    const given = parseArguments(
      args,
      { since: { type: 'string' }, ...dryRunOption },
      z.object({ _: nothing(), since: moment(), ...dryRun }),
    );
    return send({ since: given.since, until: new Date() }, given['dry-run'], config);
  },
};

/** Encodes the runs again and puts them into the outbox. What still waits there, or is dead, is left alone. */
async function send(selection: Selection, dry: boolean, { DATABASE_URL }: Config): Promise<number> {
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
    const rest = left === 0 ? '' : `; ${left} are in the outbox or among the dead and ${dry ? 'would be' : 'were'} left alone`;
    process.stdout.write(`${found} runs, ${sent} ${dry ? 'would be sent' : 'are sent'} again${rest}.\n`);
    return 0;
  });
}
