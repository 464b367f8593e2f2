import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { z } from 'zod';
import { EVENT_TOPIC } from '../contract/names.ts';
import { parseArguments, runId } from './arguments.ts';
import { scanTopic, withAdmin, type Ranges } from './kafka.ts';
import { consumerGroups } from './lag.ts';
import { withPostgres } from './postgres.ts';
import type { Verb } from './verb.ts';

const given = z.object({ _: z.tuple([runId()], 'expected one id') });

export const explain: Verb = {
  usage: '<id>',
  about: 'where a run is: its row, its event on the topic, the groups that are past it',
  run: async (args, config) => {
    const [id] = parseArguments(args, {}, given)._;
    const say = (what: string, text: string) => process.stdout.write(`${what.padEnd(8)} ${text}\n`);
    return withPostgres(config.DATABASE_URL, async (pool) => {
      const run = await findRun(pool, id);
      if (run === undefined) {
        say('run', `no run has the id ${id}`);
        return 1;
      }
      say('run', `${run.zap}, received ${run.received_at.toISOString()}, schema ${run.schema_id}, ${run.bytes} bytes of metadata`);
      say('outbox', describeRow(run));
      return withAdmin(config.KAFKA_BROKERS, async (admin) => {
        const found = await findRecords(config.KAFKA_BROKERS, admin, id, run.received_at);
        for (const { partition, offset, appendedAt, resends } of found)
          say(
            'topic',
            `partition ${partition}, offset ${offset}, appended ${appendedAt.toISOString()}${resends === '0' ? '' : `, resends ${resends}`}`,
          );
        const [first] = found;
        if (first === undefined) say('topic', 'not there: not published yet, or older than the topic keeps records');
        else say('groups', await describeGroups(admin, first, config.ACK_GROUPS));
        return 0;
      });
    });
  },
};

interface Run {
  zap: string;
  received_at: Date;
  schema_id: number;
  bytes: number;
  waits_since: Date | null;
  resends: number | null;
  dead_since: Date | null;
  reason: string | null;
}

async function findRun(pool: Pool, id: string): Promise<Run | undefined> {
  const { rows } = await pool.query<Run>(
    `SELECT r.user_id || '/' || r.zap_id AS zap, r.received_at, r.schema_id, octet_length(r.metadata::text) AS bytes,
            o.created_at AS waits_since, o.resends, d.moved_at AS dead_since, d.reason
       FROM zap_run r LEFT JOIN zap_run_outbox o USING (id) LEFT JOIN outbox_dead d USING (id)
      WHERE r.id = $1`,
    [id],
  );
  return rows[0];
}

function describeRow({ waits_since: waits, resends, dead_since: dead, reason }: Run): string {
  if (waits !== null) return `its row waits since ${waits.toISOString()}, sent again ${resends} times`;
  if (dead !== null) return `dead since ${dead.toISOString()}: ${reason}`;
  return 'its row is gone: the event was read back from the topic and acknowledged';
}

interface Found {
  partition: number;
  offset: bigint;
  appendedAt: Date;
  resends: string;
}

/** The broker's clock may differ from ingest's. */
const CLOCK_SLACK_MS = 600_000;

/** What the topic has from a moment on, up to its ends of now. */
export async function rangesSince(admin: Admin, moment: Date): Promise<Ranges> {
  const starts = await admin.fetchTopicOffsetsByTimestamp(EVENT_TOPIC, Math.max(0, moment.getTime() - CLOCK_SLACK_MS));
  const ends = new Map((await admin.fetchTopicOffsets(EVENT_TOPIC)).map(({ partition, high }) => [partition, BigInt(high)]));
  return new Map(starts.map(({ partition, offset }) => [partition, { from: BigInt(offset), to: ends.get(partition) ?? 0n }]));
}

async function findRecords(brokers: readonly string[], admin: Admin, id: string, receivedAt: Date): Promise<Found[]> {
  const found: Found[] = [];
  await scanTopic(brokers, EVENT_TOPIC, await rangesSince(admin, receivedAt), (partition, messages) => {
    for (const { offset, timestamp, headers } of messages) {
      if (headers?.id?.toString() !== id) continue;
      const resends = headers.resends?.toString() ?? '0';
      found.push({ partition, offset: BigInt(offset), appendedAt: new Date(Number(timestamp)), resends });
    }
  });
  return found;
}

async function describeGroups(admin: Admin, { partition, offset }: Found, awaited: readonly string[]): Promise<string> {
  const groups = await consumerGroups(admin);
  const lines = await Promise.all(
    groups.map(async (groupId) => {
      const [entry] = await admin.fetchOffsets({ groupId, topics: [EVENT_TOPIC] });
      const at = BigInt(entry?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      return `${groupId} ${at > offset ? 'is past it' : 'is not past it'}${awaited.includes(groupId) ? ' (cleanup waits for it)' : ''}`;
    }),
  );
  return lines.join(', ') || 'none';
}
