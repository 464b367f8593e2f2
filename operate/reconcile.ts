import type { Admin } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';
import { parseId } from '../cleanup/delete-rows.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { readConfigs } from '../kit/kafka-admin.ts';
import { moment, nothing, parseArguments } from './arguments.ts';
import { rangesSince } from './explain.ts';
import { scanTopic, withAdmin } from './kafka.ts';
import { firstIdAt, ID_SLACK_MS } from './runs.ts';
import { OperateError, type Verb } from './verb.ts';

const BATCH_ROWS = 1000;

export const reconcile: Verb = {
  usage: '--since <time>',
  about: 'checks that every run since then is in the outbox, on the topic or among the dead; prints the ids that are in none',
  run: async (args, config) => {
    const { since } = parseArguments(args, { since: { type: 'string' } }, z.object({ _: nothing(), since: moment() }));
    const client = new pg.Client({
      connectionString: config.DATABASE_URL,
      connectionTimeoutMillis: 5000,
      application_name: 'outbox-operate',
    });
    await client.connect();
    try {
      return await withAdmin(config.KAFKA_BROKERS, async (admin) => {
        await requireRetention(admin, since);
        const { runs, elsewhere } = await openCandidates(client, since);
        // The ends are sampled after that: a row that was gone by then has its event before them.
        await scanTopic(config.KAFKA_BROKERS, EVENT_TOPIC, await rangesSince(admin, since), async (_partition, messages) => {
          for (let at = 0; at < messages.length; at += BATCH_ROWS) {
            const ids = messages.slice(at, at + BATCH_ROWS).flatMap(({ headers }) => parseId(headers?.id) ?? []);
            await client.query('DELETE FROM candidate WHERE id = ANY ($1::uuid[])', [ids]);
          }
        });
        const missing = await printCandidates(client);
        process.stderr.write(
          `${runs} runs since ${since.toISOString()}: ${elsewhere} in the outbox or dead, ${runs - elsewhere - missing} on the topic, ${missing} in none.\n`,
        );
        if (missing > 0) process.stderr.write('Send them again: npm run outbox -- rebuild --since …\n');
        return missing === 0 ? 0 : 1;
      });
    } finally {
      await client.end();
    }
  },
};

/** @throws OperateError BEYOND_RETENTION when the topic may have dropped what would be looked for */
async function requireRetention(admin: Admin, since: Date): Promise<void> {
  const configs = await readConfigs(admin, 'topic', EVENT_TOPIC);
  const retentionMs = Number(configs.get('retention.ms') ?? -1);
  if (retentionMs < 0 || Date.now() - since.getTime() <= retentionMs) return;
  throw new OperateError(
    'BEYOND_RETENTION',
    `${EVENT_TOPIC} keeps records for ${retentionMs / 3_600_000} h: what was received before ${new Date(Date.now() - retentionMs).toISOString()} ` +
      'may be gone from it by right. Give a later --since.',
  );
}

/** A temporary table with the runs that are neither in the outbox nor dead, as one snapshot sees them. */
async function openCandidates(client: pg.Client, since: Date): Promise<{ runs: number; elsewhere: number }> {
  await client.query(`CREATE TEMPORARY TABLE candidate (id uuid PRIMARY KEY, waits boolean NOT NULL)`);
  const { rowCount } = await client.query(
    `INSERT INTO candidate
     SELECT r.id, EXISTS (SELECT FROM zap_run_outbox o WHERE o.id = r.id) OR EXISTS (SELECT FROM outbox_dead d WHERE d.id = r.id)
       FROM zap_run r WHERE r.id > $1 AND r.received_at >= $2`,
    [firstIdAt(new Date(since.getTime() - ID_SLACK_MS)), since],
  );
  const waiting = await client.query('DELETE FROM candidate WHERE waits');
  return { runs: rowCount ?? 0, elsewhere: waiting.rowCount ?? 0 };
}

async function printCandidates(client: pg.Client): Promise<number> {
  let after = '00000000-0000-0000-0000-000000000000';
  let count = 0;
  for (;;) {
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM candidate WHERE id > $1 ORDER BY id LIMIT ${BATCH_ROWS}`, [after]);
    for (const { id } of rows) process.stdout.write(`${id}\n`);
    count += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < BATCH_ROWS) return count;
  }
}
