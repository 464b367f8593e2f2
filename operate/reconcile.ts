import { Command } from '@commander-js/extra-typings';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { parseId } from '../contract/event.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { moment } from './arguments.ts';
import type { Config } from './config.ts';
import { rangesSince } from './trace.ts';
import { scanTopic, withAdmin } from './kafka.ts';
import { withPostgres } from './postgres.ts';
import { expiredBefore } from './retention.ts';
import { firstIdAt, ID_SLACK_MS } from './runs.ts';
import { OperateError, type Output, type Run, type Work } from './verb.ts';

const BATCH_ROWS = 1000;

export const reconcile = (run: Run) =>
  new Command('reconcile')
    .description('checks that every run since a time is in the outbox, on the topic or buried; prints the ids of missing ones')
    .requiredOption('--since <time>', 'runs received since then', moment)
    .action(({ since }) => run(comparing(since)));

export const comparing =
  (since: Date): Work =>
  (config, output) =>
    compare(since, config, output);

async function compare(since: Date, config: Config, { say, warn }: Output): Promise<number> {
  // One connection: the temporary table is its own.
  return withPostgres(
    config.DATABASE_URL,
    async (pool) =>
      withAdmin(config, async (admin) => {
        await requireRetention(admin, since);
        const { runs, elsewhere } = await openCandidates(pool, since);
        // The ends are read after the rows: a row that was deleted by then has its event before them.
        await scanTopic(config, EVENT_TOPIC, await rangesSince(admin, since), async (_partition, messages) => {
          for (let at = 0; at < messages.length; at += BATCH_ROWS) {
            const ids = messages.slice(at, at + BATCH_ROWS).flatMap(({ headers }) => parseId(headers?.id) ?? []);
            await pool.query('DELETE FROM candidate WHERE id = ANY ($1::uuid[])', [ids]);
          }
        });
        const missing = await printCandidates(pool, say);
        warn(
          `${runs} runs since ${since.toISOString()}: ${elsewhere} in the outbox or buried, ${runs - elsewhere - missing} on the topic, ${missing} in none.`,
        );
        if (missing > 0) warn('Send them again: npm run outbox -- rebuild --since …');
        return missing === 0 ? 0 : 1;
      }),
    { connections: 1 },
  );
}

/** @throws OperateError BEYOND_RETENTION when retention may have removed events since that time */
async function requireRetention(admin: Admin, since: Date): Promise<void> {
  const first = await expiredBefore(admin, since);
  if (first === undefined) return;
  throw new OperateError(
    'BEYOND_RETENTION',
    `${EVENT_TOPIC} keeps records for ${Math.round((Date.now() - first.getTime()) / 3_600_000)} h: what was received before ${first.toISOString()} ` +
      'may have been removed by retention. Give a later --since.',
  );
}

/** A temporary table with the runs that are neither in the outbox nor buried, as one snapshot sees them. */
async function openCandidates(pool: Pool, since: Date): Promise<{ runs: number; elsewhere: number }> {
  await pool.query(`CREATE TEMPORARY TABLE candidate (id uuid PRIMARY KEY, waits boolean NOT NULL)`);
  const { rowCount } = await pool.query(
    `INSERT INTO candidate
     SELECT r.id, EXISTS (SELECT FROM zap_run_outbox o WHERE o.id = r.id) OR EXISTS (SELECT FROM outbox_dead d WHERE d.id = r.id)
       FROM zap_run r WHERE r.id > $1 AND r.received_at >= $2`,
    [firstIdAt(new Date(since.getTime() - ID_SLACK_MS)), since],
  );
  const waiting = await pool.query('DELETE FROM candidate WHERE waits');
  return { runs: rowCount ?? 0, elsewhere: waiting.rowCount ?? 0 };
}

async function printCandidates(pool: Pool, say: Output['say']): Promise<number> {
  let after = '00000000-0000-0000-0000-000000000000';
  let count = 0;
  for (;;) {
    const { rows } = await pool.query<{ id: string }>(`SELECT id FROM candidate WHERE id > $1 ORDER BY id LIMIT ${BATCH_ROWS}`, [after]);
    for (const { id } of rows) say(id);
    count += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < BATCH_ROWS) return count;
  }
}
