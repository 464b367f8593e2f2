import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { EVENT_TOPIC } from '../contract/names.ts';
import { committedOffsets, topicOffsets } from '../kit/kafka-admin.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import { scanTopic, type Ranges } from './kafka.ts';
import { consumerGroups } from './lag.ts';

// The state of one run as data: `explain` prints it, and the console draws it.

/** A run's event on the topic. */
export interface FoundRecord {
  partition: number;
  offset: bigint;
  appendedAt: Date;
  resends: string;
}

export interface GroupPosition {
  group: string;
  /** Whether the group has committed past the event. */
  past: boolean;
  /** Whether cleanup waits for the group. */
  awaited: boolean;
}

/** A call that the action consumer makes, or made, for this event. */
export interface Call {
  target: string;
  state: 'pending' | 'delivered' | 'dead' | 'discarded';
  attempts: number;
  status: number | null;
  error: string | null;
  due_at: Date;
  settled_at: Date | null;
}

export interface TracedRun {
  zap: string;
  received_at: Date;
  /** Known only with track_commit_timestamp. */
  committed_at: Date | null;
  schema_id: number;
  bytes: number;
  traceparent: string | null;
  waits_since: Date | null;
  resends: number | null;
  buried_since: Date | null;
  reason: string | null;
}

/** The id by which a tracing system finds the run's trace. */
export const traceIdOf = ({ traceparent }: TracedRun): string | undefined => traceparent?.split('-')[1];

/** The message of command line and console about a run whose event was not found. */
export const NOT_ON_TOPIC = 'not there: not published yet, or older than the topic keeps records';

/** @returns undefined when no run has the id */
export async function readRun(pool: Pool, id: string): Promise<TracedRun | undefined> {
  const { rows: on } = await pool.query<{ on: boolean }>(`SELECT current_setting('track_commit_timestamp') = 'on' AS on`);
  const committed = on[0]?.on === true ? 'pg_xact_commit_timestamp(r.xmin)' : 'NULL::timestamptz';
  const { rows } = await pool.query<TracedRun>(
    `SELECT r.user_id || '/' || r.zap_id AS zap, r.received_at, ${committed} AS committed_at, r.schema_id, r.traceparent,
            octet_length(r.metadata::text) AS bytes, o.created_at AS waits_since, o.resends, d.moved_at AS buried_since, d.reason
       FROM zap_run r LEFT JOIN zap_run_outbox o USING (id) LEFT JOIN outbox_dead d USING (id)
      WHERE r.id = $1`,
    [id],
  );
  return rows[0];
}

export async function readCalls(pool: Pool, id: string): Promise<Call[]> {
  const { rows } = await pool.query<Call>(
    `SELECT target, state, attempts, last_status AS status, last_error AS error, due_at, settled_at
       FROM actions.delivery WHERE event_id = $1 ORDER BY target`,
    [id],
  );
  return rows;
}

/** The broker's clock may differ from ingest's. */
const CLOCK_SLACK_MS = 600_000;

/** The ranges of the topic from a moment up to its current ends. */
export async function rangesSince(admin: Admin, moment: Date): Promise<Ranges> {
  const starts = await admin.fetchTopicOffsetsByTimestamp(EVENT_TOPIC, Math.max(0, moment.getTime() - CLOCK_SLACK_MS));
  const { ends } = await topicOffsets(admin, EVENT_TOPIC);
  return new Map(starts.map(({ partition, offset }) => [partition, { from: BigInt(offset), to: ends.get(partition) ?? 0n }]));
}

/** Searches the topic from the run's receipt, as time is Kafka's only index. */
export async function findRecords(settings: KafkaSettings, admin: Admin, id: string, receivedAt: Date): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  await scanTopic(settings, EVENT_TOPIC, await rangesSince(admin, receivedAt), (partition, messages) => {
    for (const { offset, timestamp, headers } of messages) {
      if (headers?.id?.toString() !== id) continue;
      const resends = headers.resends?.toString() ?? '0';
      found.push({ partition, offset: BigInt(offset), appendedAt: new Date(Number(timestamp)), resends });
    }
  });
  return found;
}

/** The position of each group relative to one record. */
export async function readGroups(admin: Admin, { partition, offset }: FoundRecord, awaited: readonly string[]): Promise<GroupPosition[]> {
  const groups = await consumerGroups(admin);
  return Promise.all(
    groups.map(async (group) => {
      const at = (await committedOffsets(admin, group, EVENT_TOPIC)).get(partition) ?? -1n;
      return { group, past: at > offset, awaited: awaited.includes(group) };
    }),
  );
}
