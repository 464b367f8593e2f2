import type { Pool } from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { TopicSnapshot } from './kafka.ts';

/** Rows are counted up to this number. Beyond it Postgres' estimate is used, as counting a million rows takes long. */
const COUNTED = 20_000;

export type CleanupMetrics = ReturnType<typeof createCleanupMetrics>;

export function createCleanupMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []) => new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  return {
    deleted: counter('outbox_cleanup_deleted_total', 'Rows deleted after their event was read back and acknowledged'),
    resent: counter('outbox_cleanup_resends_total', 'Rows sent again because their event was lost'),
    buried: counter('outbox_cleanup_buried_total', 'Rows moved to outbox_dead because their event never arrived'),
    purged: counter('outbox_cleanup_purged_total', 'Runs deleted from zap_run because they were older than RUN_KEEP_DAYS'),
    depth: gauge('outbox_cleanup_depth', 'Rows in the outbox; an estimate from 20,000 on'),
    oldest: gauge('outbox_cleanup_oldest_seconds', 'Age of the oldest row in the outbox'),
    lag: gauge('outbox_cleanup_group_lag', 'Offsets between a group and the end of the topic, transaction markers included', ['group']),
    stalled: gauge('outbox_cleanup_stalled_seconds', 'Time since the last progress while acknowledged records are ahead'),
    stopped: gauge('outbox_cleanup_stopped', '1 while cleanup has stopped deleting and waits for accept-topic'),
  };
}

/** The lag of cleanup's own group and of each that must acknowledge. */
export function observeLag({ lag }: CleanupMetrics, ownGroup: string, { own, groups, ends }: TopicSnapshot): void {
  for (const [group, offsets] of [[ownGroup, own] as const, ...groups]) {
    let behind = 0n;
    for (const [partition, end] of ends) {
      const at = offsets.get(partition) ?? 0n;
      if (end > at) behind += end - at;
    }
    lag.set({ group }, Number(behind));
  }
}

/** The oldest row by id, which begins with the time: the primary key is the only index. */
export async function observeOutbox({ depth, oldest }: CleanupMetrics, pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ counted: number; estimate: number; age: number | null }>(
    `SELECT (SELECT count(*)::int FROM (SELECT FROM zap_run_outbox LIMIT $1) AS o) AS counted,
            (SELECT reltuples::float8 FROM pg_class WHERE oid = 'zap_run_outbox'::regclass) AS estimate,
            (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM zap_run_outbox ORDER BY id LIMIT 1) AS age`,
    [COUNTED],
  );
  const { counted = 0, estimate = 0, age = null } = rows[0] ?? {};
  depth.set(counted < COUNTED ? counted : Math.max(counted, estimate));
  oldest.set(age ?? 0);
}
