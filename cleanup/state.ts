import type { Pool } from 'pg';
import type { Offsets } from '../kit/kafka-admin.ts';

// Cleanup's memory of the topic is in Postgres, beside the rows that it protects. The state of Kafka is compared with it.

/** Why cleanup has stopped deleting. */
export interface Stop {
  code: 'CLUSTER_CHANGED' | 'TOPIC_SHRANK' | 'COMMITTED_BEYOND_END' | 'POSITION_OUT_OF_RANGE' | 'CLEANUP_POLICY' | 'PARTITIONS_GREW';
  detail: string;
}

export interface RememberedTopic {
  clusterId: string;
  /** Set by the copy that found the fault; all copies stop. */
  stop: { code: string; detail: string } | undefined;
  /** The highest end of each partition ever seen. */
  ends: Offsets;
}

/** undefined before the topic was first seen, and after an operator has accepted its current state. */
export async function readRemembered(pool: Pool, topic: string): Promise<RememberedTopic | undefined> {
  const { rows } = await pool.query<{ cluster_id: string; code: string | null; detail: string | null; ends: [number, string][] }>(
    `SELECT cluster_id, stop_code AS code, stop_detail AS detail,
            ARRAY(SELECT json_build_array(partition, high_watermark::text) FROM cleanup_partition p WHERE p.topic = s.topic) AS ends
     FROM cleanup_state s WHERE topic = $1`,
    [topic],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    clusterId: row.cluster_id,
    stop: row.code === null ? undefined : { code: row.code, detail: row.detail ?? '' },
    ends: new Map(row.ends.map(([partition, end]) => [partition, BigInt(end)])),
  };
}

/** Stores ends and arrivals; a lower value than the stored one changes nothing. Ordered by partition to avoid deadlocks of two copies. */
export async function remember(pool: Pool, topic: string, clusterId: string, ends: Offsets, arrived: Offsets): Promise<void> {
  const partitions = [...ends.keys()].sort((a, b) => a - b);
  await pool.query(
    `WITH state AS (
       INSERT INTO cleanup_state (topic, cluster_id) VALUES ($1, $2) ON CONFLICT (topic) DO NOTHING
     )
     INSERT INTO cleanup_partition AS p (topic, partition, high_watermark, arrived_seq)
     SELECT $1, x.* FROM unnest($3::int[], $4::bigint[], $5::bigint[]) AS x (partition, high_watermark, arrived_seq)
     ON CONFLICT (topic, partition) DO UPDATE
     SET high_watermark = greatest(p.high_watermark, excluded.high_watermark), arrived_seq = greatest(p.arrived_seq, excluded.arrived_seq)
     WHERE p.high_watermark < excluded.high_watermark OR p.arrived_seq < excluded.arrived_seq`,
    [topic, clusterId, partitions, partitions.map((p) => ends.get(p)), partitions.map((p) => arrived.get(p) ?? 0n)],
  );
}

/** The first reason stays. */
export async function writeStop(pool: Pool, topic: string, clusterId: string, { code, detail }: Stop): Promise<void> {
  await pool.query(
    `INSERT INTO cleanup_state AS s (topic, cluster_id, stop_code, stop_detail, stopped_at) VALUES ($1, $2, $3, $4, now())
     ON CONFLICT (topic) DO UPDATE SET stop_code = excluded.stop_code, stop_detail = excluded.stop_detail, stopped_at = now()
     WHERE s.stop_code IS NULL`,
    [topic, clusterId, code, detail],
  );
}

/** The state of the reconciler. */
export type ReconcilerCode = 'IDLE' | 'SLOT_MISSING' | 'SLOT_LOST' | 'SLOT_UNREAD' | 'SLOT_UNCONFIRMED' | 'CLEANUP_BEHIND' | 'GROUP_BEHIND';

/** Stores the reconciler's state, and since when, for `status`. @param text the code in words, with numbers */
export async function writeReconciler(pool: Pool, topic: string, code: ReconcilerCode, text: string): Promise<void> {
  await pool.query(
    `UPDATE cleanup_state SET reconciler_code = $2, reconciler = $3, reconciler_at = now()
     WHERE topic = $1 AND (reconciler_code, reconciler) IS DISTINCT FROM ($2, $3)`,
    [topic, code, text],
  );
}

/** The highest seq whose event has arrived, over all partitions. */
export async function readArrivedSeq(pool: Pool, topic: string): Promise<bigint> {
  const { rows } = await pool.query<{ seq: string | null }>('SELECT max(arrived_seq) AS seq FROM cleanup_partition WHERE topic = $1', [
    topic,
  ]);
  return BigInt(rows[0]?.seq ?? 0);
}
