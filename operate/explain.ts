import { Command } from '@commander-js/extra-typings';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { EVENT_TOPIC } from '../contract/names.ts';
import { committedOffsets, topicOffsets } from '../kit/kafka-admin.ts';
import { runId } from './arguments.ts';
import type { Config } from './config.ts';
import { scanTopic, withAdmin, type Ranges } from './kafka.ts';
import { consumerGroups } from './lag.ts';
import { withPostgres } from './postgres.ts';
import type { Output, Run } from './verb.ts';

export const explain = (run: Run) =>
  new Command('explain')
    .description('where a run is: its row, its event on the topic, the groups that are past it')
    .argument('<id>', 'the id that the answer to the webhook had', runId)
    .action((id) => run((config, output) => tell(id, config, output)));

async function tell(id: string, config: Config, { say }: Output): Promise<number> {
  const line = (what: string, text: string) => say(`${what.padEnd(8)} ${text}`);
  return withPostgres(config.DATABASE_URL, async (pool) => {
    const found = await findRun(pool, id);
    if (found === undefined) {
      line('run', `no run has the id ${id}: it was never stored, was erased, or is older than RUN_KEEP_DAYS of cleanup`);
      return 1;
    }
    line('run', `${found.zap}, received ${found.received_at.toISOString()}, schema ${found.schema_id}, ${found.bytes} bytes of metadata`);
    line('outbox', describeRow(found));
    return withAdmin(config.KAFKA_BROKERS, async (admin) => {
      const records = await findRecords(config.KAFKA_BROKERS, admin, id, found.received_at);
      for (const { partition, offset, appendedAt, resends } of records) {
        const again = resends === '0' ? '' : `, resends ${resends}`;
        line('topic', `partition ${partition}, offset ${offset}, appended ${appendedAt.toISOString()}${again}`);
      }
      const [first] = records;
      if (first === undefined) line('topic', 'not there: not published yet, or older than the topic keeps records');
      else line('groups', await describeGroups(admin, first, config.ACK_GROUPS));
      return 0;
    });
  });
}

interface FoundRun {
  zap: string;
  received_at: Date;
  schema_id: number;
  bytes: number;
  waits_since: Date | null;
  resends: number | null;
  dead_since: Date | null;
  reason: string | null;
}

async function findRun(pool: Pool, id: string): Promise<FoundRun | undefined> {
  const { rows } = await pool.query<FoundRun>(
    `SELECT r.user_id || '/' || r.zap_id AS zap, r.received_at, r.schema_id, octet_length(r.metadata::text) AS bytes,
            o.created_at AS waits_since, o.resends, d.moved_at AS dead_since, d.reason
       FROM zap_run r LEFT JOIN zap_run_outbox o USING (id) LEFT JOIN outbox_dead d USING (id)
      WHERE r.id = $1`,
    [id],
  );
  return rows[0];
}

function describeRow({ waits_since: waits, resends, dead_since: dead, reason }: FoundRun): string {
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
  const { ends } = await topicOffsets(admin, EVENT_TOPIC);
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
      const at = (await committedOffsets(admin, groupId, EVENT_TOPIC)).get(partition) ?? -1n;
      return `${groupId} ${at > offset ? 'is past it' : 'is not past it'}${awaited.includes(groupId) ? ' (cleanup waits for it)' : ''}`;
    }),
  );
  return lines.join(', ') || 'none';
}
