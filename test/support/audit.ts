import { expect } from 'vitest';
import { query } from './stack.ts';
import type { TopicReader } from './topic.ts';
import { waitFor } from './wait-for.ts';

/** Ids that were answered 200, in the order of the answers, by `userId/zapId`. */
export type Accepted = ReadonlyMap<string, readonly string[]>;

export interface Audit {
  /**
   * What has to hold after every fault: each accepted event is on the topic, the first occurrences of a zap in the
   * order of the answers, no row went before its event was appended, and none is left.
   */
  expectKept: (topic: TopicReader, accepted: Accepted, withinMs?: number) => Promise<void>;
  close: () => Promise<void>;
}

/** Records every delete of an outbox row from now on, by a trigger, with the database's clock. */
export async function startAudit(): Promise<Audit> {
  await stopAudit();
  // The owner's rights: who deletes may not write here.
  await query(`
    CREATE TABLE outbox_audit (id uuid NOT NULL, deleted_at timestamptz NOT NULL);
    CREATE FUNCTION outbox_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      BEGIN INSERT INTO outbox_audit VALUES (OLD.id, clock_timestamp()); RETURN NULL; END $$;
    CREATE TRIGGER outbox_audit AFTER DELETE ON zap_run_outbox FOR EACH ROW EXECUTE FUNCTION outbox_audit()`);
  return { expectKept, close: stopAudit };
}

async function stopAudit(): Promise<void> {
  await query(
    'DROP TRIGGER IF EXISTS outbox_audit ON zap_run_outbox; DROP FUNCTION IF EXISTS outbox_audit; DROP TABLE IF EXISTS outbox_audit',
  );
}

async function expectKept(topic: TopicReader, accepted: Accepted, withinMs = 90_000): Promise<void> {
  const appended = new Map<string, Date>();
  for (const [key, ids] of accepted) {
    const records = await topic.untilEvents(key, ids.length, withinMs);
    for (const { headers, appendedAt } of records) if (!appended.has(headers.id ?? '')) appended.set(headers.id ?? '', appendedAt);
    const first = [...new Set(records.map(({ headers }) => headers.id))];
    // A post whose answer was lost may have been stored: it is on the topic under an id that nobody was told.
    const known = new Set(ids);
    expect(first.filter((id) => id !== undefined && known.has(id))).toEqual(ids);
  }
  const all = [...accepted.values()].flat();
  const left = async () => (await query('SELECT id FROM zap_run_outbox WHERE id = ANY ($1::uuid[])', [all])).length === 0;
  await waitFor('all rows are cleaned up', left, withinMs);
  // The last delete counts: a row that is sent again is deleted and inserted.
  const deletions = await query<{ id: string; at: Date }>(
    'SELECT id, max(deleted_at) AS at FROM outbox_audit WHERE id = ANY ($1::uuid[]) GROUP BY id',
    [all],
  );
  expect(deletions).toHaveLength(all.length);
  expect(deletions.filter(({ id, at }) => at < (appended.get(id) ?? new Date(8.64e15)))).toEqual([]);
}
