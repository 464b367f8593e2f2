import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { lsn, readSlots, slotFault, type Slot } from '../checks/state.ts';
import type { Alarm } from '../kit/metrics.ts';
import type { createLostRowPolicy, LostRow } from './lost-rows.ts';
import type { TopicSnapshot } from './kafka.ts';
import type { ReconcilerCode } from './state.ts';

/** Rows per round, and per transaction that sends them again. */
const CANDIDATES = 10_000;
const CHUNK = 500;
const POLL_MS = 1000;

export interface ReconcileContext {
  pool: Pool;
  readSnapshot: () => Promise<TopicSnapshot>;
  decide: ReturnType<typeof createLostRowPolicy>;
  arrivedSeq: () => Promise<bigint>;
  afterSeconds: number;
  /** Stores what the round waits for. */
  say: (code: ReconcilerCode, text: string) => Promise<void>;
  /** false: cleanup has stopped or another copy took over, and the round ends without a decision. */
  mayGoOn: () => boolean;
  alarm: Alarm;
  log: Logger;
  onMoved: (resent: number, buried: number) => void;
}

/**
 * One round: finds rows whose event should be on the topic and is not, and sends them again. A row counts as lost only
 * when everything written before the round has been published (the slot has confirmed it) and everything published has
 * been read back. Until then all rows stay. A wrong decision, possible because the slot may confirm too much, sends an
 * event twice.
 */
export async function reconcile(context: ReconcileContext): Promise<void> {
  const { pool, say } = context;
  const slot = await slotCode(pool);
  if (slot !== 'HEALTHY') return say(slot, `waits: ${slotWords[slot]}`);
  const candidates = await readCandidates(pool, context.afterSeconds);
  if (candidates.length === 0) return say('IDLE', 'idle: no row is old enough to be lost');
  // Read after the rows, so that the position is behind the commits of all of them.
  const { rows } = await pool.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
  if (!(await slotConfirms(context, rows[0]?.lsn ?? '', candidates.length))) return;
  if (!(await readBack(context, candidates.length))) return;
  const lost = await readRows(pool, candidates);
  await act(context, lost);
  await say('IDLE', `idle: of ${candidates.length} old rows ${lost.length} were lost`);
}

const slotWords = {
  SLOT_MISSING: 'the slot is missing',
  SLOT_LOST: 'the slot is lost',
  SLOT_UNREAD: 'nobody reads the slot',
  SLOT_UNCONFIRMED: 'the slot has not confirmed what was written',
};

/** A missing or lost slot is repaired by the watchdog, and all rows are then sent again. */
async function slotCode(pool: Pool, upTo?: string): Promise<keyof typeof slotWords | 'HEALTHY'> {
  // A row may belong to any shard, so all of them must be healthy.
  const slots = await readSlots(pool);
  const fault = slots.map(slotFault).find((one) => one !== undefined);
  if (fault !== undefined) return fault;
  const isConfirmed = (slot: Slot | undefined) => upTo === undefined || (slot?.confirmed !== undefined && lsn(slot.confirmed) >= lsn(upTo));
  return slots.every(isConfirmed) ? 'HEALTHY' : 'SLOT_UNCONFIRMED';
}

// The oldest rows by id, which begins with the time: the primary key is the only index, and the table may be large.
async function readCandidates(pool: Pool, afterSeconds: number): Promise<LostRow[]> {
  const { rows } = await pool.query<{ id: string; seq: string; resends: number }>(
    `SELECT id, seq, resends FROM (SELECT * FROM zap_run_outbox ORDER BY id LIMIT $1) AS oldest
     WHERE created_at < now() - make_interval(secs => $2) ORDER BY seq`,
    [CANDIDATES, afterSeconds],
  );
  return rows.map(({ id, seq, resends }) => ({ id, resends, seq: BigInt(seq) }));
}

/** The rows that are still unchanged: neither seen on the topic nor sent again. */
async function readRows(pool: Pool, candidates: readonly LostRow[]): Promise<LostRow[]> {
  const { rows } = await pool.query<{ id: string; seq: string }>('SELECT id, seq FROM zap_run_outbox WHERE id = ANY ($1::uuid[])', [
    candidates.map(({ id }) => id),
  ]);
  const still = new Map(rows.map(({ id, seq }) => [id, BigInt(seq)]));
  return candidates.filter(({ id, seq }) => still.get(id) === seq);
}

async function slotConfirms({ pool, say, mayGoOn }: ReconcileContext, upTo: string, count: number): Promise<boolean> {
  while (mayGoOn()) {
    const slot = await slotCode(pool, upTo);
    if (slot === 'HEALTHY') return true;
    // A re-created slot confirms at once what it never sent, so the round proves nothing.
    if (slot !== 'SLOT_UNCONFIRMED') {
      await say(slot, `waits: ${slotWords[slot]}`);
      return false;
    }
    await say(slot, `${count} old rows; waits: ${slotWords[slot]}`);
    await delay(POLL_MS);
  }
  return false;
}

/** Waits until cleanup has read every partition up to its end at the time of the slot's confirmation. */
async function readBack({ readSnapshot, say, mayGoOn }: ReconcileContext, count: number): Promise<boolean> {
  const { ends } = await readSnapshot();
  while (mayGoOn()) {
    const snapshot = await readSnapshot();
    const open = [...ends].find(
      ([partition, end]) => end > (snapshot.starts.get(partition) ?? 0n) && (snapshot.own.get(partition) ?? 0n) < end,
    );
    if (open === undefined) return true;
    const [partition, end] = open;
    const slowest = [...snapshot.groups].find(([, offsets]) => (offsets.get(partition) ?? 0n) < end);
    const who = slowest === undefined ? 'cleanup' : `the group ${slowest[0]}`;
    const where = (slowest === undefined ? snapshot.own : slowest[1]).get(partition) ?? 0n;
    await say(
      slowest === undefined ? 'CLEANUP_BEHIND' : 'GROUP_BEHIND',
      `${count} old rows; waits: ${who} is at ${where} of ${end} on partition ${partition}`,
    );
    await delay(POLL_MS);
  }
  return false;
}

async function act({ pool, decide, arrivedSeq, alarm, log, onMoved }: ReconcileContext, lost: readonly LostRow[]): Promise<void> {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM outbox_dead WHERE code = 'LOST' AND moved_at > now() - interval '1 hour'`,
  );
  const { bury, resend, fault } = decide(lost, await arrivedSeq(), rows[0]?.n ?? 0);
  if (fault) {
    const detail =
      'more than ten rows an hour do not arrive although others do: the pipeline loses events. No row was moved to outbox_dead';
    alarm('PIPELINE_FAULT', detail);
  }
  if (bury.length > 0) {
    const ids = bury.map(({ id }) => id);
    const reason = 'sent again three times and never arrived, while rows sent after it arrived';
    await pool.query('SELECT outbox_bury($1::uuid[], $2, $3)', [ids, 'LOST', reason]);
    alarm('ROWS_BURIED', `moved to outbox_dead, because their events never arrive: ${ids.join(', ')}. See: npm run outbox -- buried list`);
  }
  for (let from = 0; from < resend.length; from += CHUNK) {
    const ids = resend.slice(from, from + CHUNK).map(({ id }) => id);
    await pool.query('SELECT outbox_resend($1::uuid[])', [ids]);
    log.warn({ rows: ids.length, first: ids[0] }, 'sent again: the slot confirmed these rows, but their events are not on the topic');
  }
  onMoved(resend.length, bury.length);
}
