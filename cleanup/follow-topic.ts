import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Logger } from 'pino';
import type { Caps } from './acknowledged.ts';
import { parseId } from '../contract/event.ts';
import type { Deleted, ReadBack } from './delete-rows.ts';
import type { Offsets } from '../kit/kafka-admin.ts';

/** Larger statements hold locks longer; smaller ones cost more commits. */
const MAX_ROWS = 2000;
/** The wait before a failed batch is retried: Postgres is away, or a row is locked. */
const REPEAT_MS = 500;

export interface Following {
  consumer: Consumer;
  topic: string;
  deleteRows: (records: readonly ReadBack[]) => Promise<Deleted>;
  /** false in a dry run: nothing is committed, as nothing is deleted. */
  commits: boolean;
  log: Logger;
  onDeleted: (rows: number) => void;
}

export interface Follower {
  /** Sets the offsets up to which records are acknowledged, resumes partitions that waited for them and commits what is due. */
  allow: (caps: Caps) => Promise<void>;
  /** The partitions assigned to this member. */
  assigned: () => readonly number[];
  /** Partition → the highest seq that this process deleted. */
  arrived: () => Offsets;
  /** When a batch last failed, by performance.now(). */
  refusedAt: () => number;
  stop: () => Promise<void>;
}

/**
 * Follows the topic behind the acknowledged offsets: it deletes, then commits its position. After a crash between the
 * two it reads the same records again, which deletes nothing. At the cap it pauses the partition and drops what was
 * fetched until `allow` moves the cap, so it never holds more than one batch.
 *
 * kafkajs never hands over transaction markers, but they have offsets. A batch counts as read to its last offset,
 * markers included, and a batch of only markers is known from its event.
 */
export async function followTopic({ consumer, topic, deleteRows, commits, log, onDeleted }: Following): Promise<Follower> {
  let caps: Caps = new Map();
  let assigned: readonly number[] = [];
  let refusedAt = -Infinity;
  const paused = new Map<number, { position: bigint; resume: () => void }>();
  const positions = new Map<number, bigint>();
  const committed = new Map<number, bigint>();
  const arrived = new Map<number, bigint>();

  async function commit(partition: number, offset: bigint): Promise<void> {
    if (!commits || committed.get(partition) === offset) return;
    await consumer.commitOffsets([{ topic, partition, offset: String(offset) }]);
    committed.set(partition, offset);
  }

  /** Retries until the rows are deleted. @returns undefined when the partition is no longer assigned to this member */
  async function deleteUntilDone(records: readonly ReadBack[], payload: EachBatchPayload): Promise<Deleted | undefined> {
    while (payload.isRunning() && !payload.isStale()) {
      try {
        return await deleteRows(records);
      } catch (error) {
        refusedAt = performance.now();
        log.warn({ cause: String(error), partition: payload.batch.partition }, 'rows could not be deleted; retrying');
        await payload.heartbeat();
        await delay(REPEAT_MS);
      }
    }
    return undefined;
  }

  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, pause } = payload;
    const { partition, messages } = batch;
    // kafkajs does not resume a paused partition of a group without a position (tulios/kafkajs#1599).
    if (!committed.has(partition)) await commit(partition, BigInt(batch.firstOffset() ?? 0));
    const cap = caps.get(partition) ?? 0n;
    // A log that ends before the cap is not the log that the groups acknowledged.
    const trusted = BigInt(batch.highWatermark) >= cap;
    const acknowledged = trusted ? messages.filter(({ offset }) => BigInt(offset) < cap) : [];
    for (let from = 0; from < acknowledged.length; from += MAX_ROWS) {
      const began = performance.now();
      const chunk = acknowledged.slice(from, from + MAX_ROWS);
      const deleted = await deleteUntilDone(
        chunk.map(({ key, value, headers }) => ({
          id: parseId(headers?.id),
          ...{ value, key, type: headers?.type, traceparent: headers?.traceparent },
        })),
        payload,
      );
      if (deleted === undefined) return;
      const last = chunk.at(-1)?.offset ?? '0';
      const next = BigInt(last === messages.at(-1)?.offset ? batch.lastOffset() : last) + 1n;
      await commit(partition, next);
      resolveOffset(last);
      positions.set(partition, next);
      if (deleted.seq > (arrived.get(partition) ?? 0n)) arrived.set(partition, deleted.seq);
      onDeleted(deleted.rows);
      await heartbeat();
      const durationMs = Math.round(performance.now() - began);
      log.debug({ partition, records: chunk.length, deleted: deleted.rows, next: String(next), durationMs }, 'cleaned');
    }
    const waitsAt = messages[acknowledged.length]?.offset;
    if (waitsAt !== undefined) paused.set(partition, { position: BigInt(waitsAt), resume: pause() });
  }

  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, batchSize, lastOffset } }) => {
    if (batchSize === 0) positions.set(partition, BigInt(lastOffset) + 1n);
  });
  // The caps are read again after a join: a re-created topic makes its group join again.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assigned = payload.memberAssignment[topic] ?? [];
    caps = new Map();
    for (const { resume } of paused.values()) resume();
    for (const one of [paused, positions, committed]) one.clear();
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });

  return {
    allow: async (next) => {
      caps = next;
      for (const [partition, { position, resume }] of paused) {
        if ((caps.get(partition) ?? 0n) <= position) continue;
        paused.delete(partition);
        resume();
      }
      for (const [partition, position] of positions) await commit(partition, position);
    },
    assigned: () => assigned,
    arrived: () => arrived,
    refusedAt: () => refusedAt,
    stop: () => consumer.disconnect(),
  };
}
