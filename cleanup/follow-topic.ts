import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Logger } from 'pino';
import type { Caps } from './acknowledged.ts';
import { parseId, type ReadBack } from './delete-rows.ts';

/** Larger statements hold their locks longer, smaller ones cost a commit each. */
export const MAX_ROWS = 2000;

export interface Dependencies {
  consumer: Consumer;
  topic: string;
  readCaps: () => Promise<Caps>;
  deleteRows: (records: readonly ReadBack[]) => Promise<number>;
  log: Logger;
}

/**
 * Follows the topic behind the acknowledged offsets: delete, then commit the own position. A crash between the two
 * reads the same records again, which deletes nothing. At the cap the partition is paused and what was fetched is
 * dropped; `refresh` resumes it once the cap has moved. So no more than one batch is ever held.
 *
 * @returns refresh: reads the caps and resumes the partitions that may go on
 */
export async function followTopic({ consumer, topic, readCaps, deleteRows, log }: Dependencies): Promise<() => Promise<void>> {
  let caps: Caps = new Map();
  const paused = new Map<number, { position: bigint; resume: () => void }>();

  async function eachBatch({ batch, resolveOffset, heartbeat, pause, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const cap = caps.get(batch.partition) ?? 0n;
    const acknowledged = batch.messages.filter(({ offset }) => BigInt(offset) < cap);
    for (let from = 0; from < acknowledged.length && isRunning() && !isStale(); from += MAX_ROWS) {
      const began = performance.now();
      const chunk = acknowledged.slice(from, from + MAX_ROWS);
      const deleted = await deleteRows(chunk.map(({ headers, value }) => ({ id: parseId(headers?.id), value })));
      const last = chunk.at(-1)?.offset ?? '0';
      const next = String(BigInt(last) + 1n);
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: next }]);
      resolveOffset(last);
      await heartbeat();
      const durationMs = Math.round(performance.now() - began);
      log.info({ partition: batch.partition, records: chunk.length, deleted, next, durationMs }, 'cleaned');
    }
    const waitsAt = batch.messages[acknowledged.length]?.offset;
    if (waitsAt !== undefined) paused.set(batch.partition, { position: BigInt(waitsAt), resume: pause() });
  }

  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });

  return async () => {
    caps = await readCaps();
    for (const [partition, { position, resume }] of paused) {
      if ((caps.get(partition) ?? 0n) <= position) continue;
      paused.delete(partition);
      resume();
    }
  };
}
