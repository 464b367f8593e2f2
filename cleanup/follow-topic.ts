import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Logger } from 'pino';
import type { Caps } from './acknowledged.ts';
import { parseId } from '../contract/event.ts';
import type { Deleted, ReadBack } from './delete-rows.ts';
import type { Offsets } from '../kit/kafka-admin.ts';

/** Larger statements hold their locks longer, smaller ones cost a commit each. */
const MAX_ROWS = 2000;
/** How soon a batch is repeated that Postgres did not take: it is away, or a row is locked. */
const REPEAT_MS = 500;

export interface Following {
  consumer: Consumer;
  topic: string;
  deleteRows: (records: readonly ReadBack[]) => Promise<Deleted>;
  /** false: nothing is committed, as nothing is deleted. */
  commits: boolean;
  log: Logger;
  onDeleted: (rows: number) => void;
}

export interface Follower {
  /** Up to where records may be taken as acknowledged from now on. Resumes what waited for it, commits what is due. */
  allow: (caps: Caps) => Promise<void>;
  /** The partitions that the group has given to this member. */
  assigned: () => readonly number[];
  /** Partition → the highest seq of a row that this process deleted. */
  arrived: () => Offsets;
  /** When the database last refused a batch, by performance.now(). */
  refusedAt: () => number;
  stop: () => Promise<void>;
}

/**
 * Follows the topic behind the acknowledged offsets: delete, then commit the own position. A crash between the two
 * reads the same records again, which deletes nothing. At the cap the partition is paused and what was fetched is
 * dropped, until `allow` has moved the cap. So no more than one batch is ever held.
 *
 * A transaction's markers are never handed over by kafkajs, but they have offsets: a batch is read to its last offset,
 * markers included, and a batch of nothing but markers is known from its event alone.
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

  /** Repeats until Postgres has taken the rows. @returns undefined when the partition is no longer this member's */
  async function deleteUntilDone(records: readonly ReadBack[], payload: EachBatchPayload): Promise<Deleted | undefined> {
    while (payload.isRunning() && !payload.isStale()) {
      try {
        return await deleteRows(records);
      } catch (error) {
        refusedAt = performance.now();
        log.warn({ cause: String(error), partition: payload.batch.partition }, 'rows could not be deleted, trying again');
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
    // A log that ends before the cap is not the one that the groups acknowledged.
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
  // After this the caps are asked for anew: a topic that was made anew makes its group join anew.
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
