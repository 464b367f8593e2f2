import { Command } from '@commander-js/extra-typings';
import type { KafkaMessage } from 'kafkajs';
import type { Pool } from 'pg';
import type { EventSchema } from '../contract/event.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { registryService } from '../kit/http-login.ts';
import { moment } from './arguments.ts';
import type { Config } from './config.ts';
import { isSameRun, readRecord, type ImportedRun } from './import-record.ts';
import { scanTopic, withAdmin } from './kafka.ts';
import { withPostgres } from './postgres.ts';
import { expiredBefore } from './retention.ts';
import { RUN_COLUMNS, type RunRow } from './runs.ts';
import { fromRegistry, schemaReader } from './schemas.ts';
import { rangesSince } from './trace.ts';
import type { Output, Run } from './verb.ts';

/** Runs per statement. */
const BATCH_ROWS = 500;
/** The message names at most this many records. */
const NAMED = 10;

export const importRuns = (run: Run) =>
  new Command('import')
    .description('brings runs back that only the topic knows, after Postgres was restored from an older backup; publishes nothing')
    .requiredOption('--since <time>', 'events published since then', moment)
    .option('--dry-run', 'count only')
    .action(({ since, dryRun = false }) => run(importing(since, dryRun)));

const importing =
  (since: Date, dry: boolean) =>
  (config: Config, output: Output): Promise<number> =>
    // One connection, because a temporary table belongs to one.
    withPostgres(
      config.DATABASE_URL,
      async (pool) => {
        if (dry) await pool.query('CREATE TEMPORARY TABLE missing (id uuid PRIMARY KEY)');
        const schemaOf = schemaReader(pool, fromRegistry(registryService(config), pool, dry));
        const seen = nothing();
        const expired = await withAdmin(config, async (admin) => {
          const ranges = await rangesSince(admin, since);
          await scanTopic(config, EVENT_TOPIC, ranges, async (partition, messages) => {
            for (let at = 0; at < messages.length; at += BATCH_ROWS)
              await importBatch(pool, seen, partition, messages.slice(at, at + BATCH_ROWS), schemaOf, dry);
          });
          return expiredBefore(admin, since);
        });
        return report(seen, since, expired, dry, output);
      },
      { connections: 1 },
    );

/** Counts records, and names the first of them. */
class Places {
  count = 0;
  readonly #first: string[] = [];

  add(place: string): void {
    this.count += 1;
    if (this.count <= NAMED) this.#first.push(place);
  }

  named = (): string => this.#first.join('; ') + (this.count > NAMED ? '; …' : '');
}

/** The result before the first record. */
const nothing = () => ({
  events: 0,
  brought: 0,
  foreign: new Places(),
  unreadable: new Places(),
  /** Ids of runs whose content differs from their event. */
  differing: new Set<string>(),
});
type Seen = ReturnType<typeof nothing>;

async function importBatch(
  pool: Pool,
  seen: Seen,
  partition: number,
  messages: readonly KafkaMessage[],
  schemaOf: (id: number) => Promise<EventSchema>,
  dry: boolean,
): Promise<void> {
  const runs: ImportedRun[] = [];
  for (const message of messages) {
    const read = await readRecord(message, schemaOf);
    const place = (why: string) => `partition ${partition}, offset ${message.offset}: ${why}`;
    if ('run' in read) runs.push(read.run);
    else if ('unreadable' in read) seen.unreadable.add(place(read.unreadable));
    else seen.foreign.add(place(read.foreign));
  }
  seen.events += runs.length;
  if (!dry) seen.brought += await insert(pool, runs);
  // The runs just inserted too, so that what Postgres stored is compared.
  const stored = await find(pool, runs);
  for (const run of runs) {
    const found = stored.get(run.id);
    if (found !== undefined && !isSameRun(await schemaOf(found.schema_id), found, run)) seen.differing.add(run.id);
  }
  if (dry)
    seen.brought += await count(
      pool,
      runs.filter(({ id }) => !stored.has(id)),
    );
}

/** @returns how many runs were not there */
async function insert(pool: Pool, runs: readonly ImportedRun[]): Promise<number> {
  const column = <T>(pick: (run: ImportedRun) => T) => runs.map(pick);
  const { rowCount } = await pool.query('SELECT outbox_import_runs($1, $2, $3, $4, $5, $6, $7, $8)', [
    column(({ id }) => id),
    column(({ user_id }) => user_id),
    column(({ zap_id }) => zap_id),
    column(({ metadata }) => metadata),
    column(({ headers }) => headers),
    column(({ received_at }) => received_at.toISOString()),
    column(({ traceparent }) => traceparent),
    column(({ schema_id }) => schema_id),
  ]);
  return rowCount ?? 0;
}

async function find(pool: Pool, runs: readonly ImportedRun[]) {
  const { rows } = await pool.query<RunRow & { traceparent: string | null }>(
    `SELECT ${RUN_COLUMNS}, traceparent FROM zap_run WHERE id = ANY ($1::uuid[])`,
    [runs.map(({ id }) => id)],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** @returns how many of the missing runs were not counted before: an event may be on the topic more than once */
async function count(pool: Pool, missing: readonly ImportedRun[]): Promise<number> {
  const { rowCount } = await pool.query('INSERT INTO missing SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING', [
    missing.map(({ id }) => id),
  ]);
  return rowCount ?? 0;
}

function report(seen: Seen, since: Date, expired: Date | undefined, dry: boolean, { say, warn }: Output): number {
  const { events, brought, foreign, unreadable, differing } = seen;
  say(`${events} events since ${since.toISOString()}: ${brought} runs ${dry ? 'would be' : 'are'} brought back.`);
  if (brought > 0) say('They have no idempotency keys, as events have none: a webhook of them that is sent again is a new run.');
  if (expired !== undefined) warn(`What was published before ${expired.toISOString()} may have been removed by retention.`);
  if (foreign.count > 0) warn(`${foreign.count} records are not from the outbox and were ignored: ${foreign.named()}`);
  if (unreadable.count > 0) warn(`RECORD_UNREADABLE: no run can be made of ${unreadable.count} records: ${unreadable.named()}`);
  if (differing.size > 0)
    warn(`RUN_DIFFERS: ${differing.size} runs have other content than their events, and are unchanged: ${[...differing].join(', ')}`);
  return unreadable.count + differing.size === 0 ? 0 : 1;
}
