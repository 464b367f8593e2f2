import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka, type KafkaMessage } from 'kafkajs';
import { OPERATOR_GROUPS } from '../contract/kafka-grants.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { causesOf, kafkaFault } from '../kit/kafka-fault.ts';
import { createKafka as createClient } from '../kit/kafka.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import { withAdmin as withClient } from '../kit/kafka-admin.ts';
import { OperateError } from './verb.ts';

// The only file of operate/ that uses kafkajs.

export const TOPIC_RESOURCE = kafkajs.ConfigResourceTypes.TOPIC;

const CONNECT_WITHIN_MS = 3000;
/** A broker that hands over no batch for this long is considered faulty. */
const STALLED_MS = 30_000;

const CLIENT_ID = 'outbox-operate';
const RETRY = { retries: 3, initialRetryTime: 100 };
const createKafka = (settings: KafkaSettings): Kafka =>
  createClient(settings, { clientId: CLIENT_ID, connectionTimeout: CONNECT_WITHIN_MS, retry: RETRY });

/** An admin client that stays connected, for frequent calls. It throws a ConnectionFault, and then kafkajs's errors. */
export async function openAdmin(settings: KafkaSettings): Promise<Admin> {
  const admin = createKafka(settings).admin();
  await admin.connect();
  return admin;
}

/** @throws OperateError with the code of a ConnectionFault, or KAFKA_REFUSED when a broker answers with an error */
export async function withAdmin<T>(settings: KafkaSettings, use: (admin: Admin) => Promise<T>): Promise<T> {
  try {
    return await withClient(settings, CLIENT_ID, use, RETRY);
  } catch (error) {
    throw operateError(settings, error);
  }
}

function operateError(settings: KafkaSettings, error: unknown): unknown {
  if (error instanceof ConnectionFault) return new OperateError(error.code, error.message, error);
  if (!(error instanceof kafkajs.KafkaJSError)) return error;
  const refused = causesOf(error).find((cause) => cause instanceof kafkajs.KafkaJSProtocolError);
  if (refused !== undefined) return new OperateError('KAFKA_REFUSED', `Kafka refuses: ${refused.message}`, error);
  const fault = kafkaFault(settings, error);
  return new OperateError(fault.code, fault.message, fault);
}

/** First offset and the one after the last, by partition. */
export type Ranges = ReadonlyMap<number, { from: bigint; to: bigint }>;

/**
 * Hands over every committed record of the ranges, in order per partition, one batch at a time. A partition is finished
 * when a batch ends at or beyond its last offset, which may be a transaction marker that is never handed over.
 *
 * @throws OperateError TOPIC_UNREADABLE when nothing comes for 30 seconds; the OperateErrors of `onBatch`
 */
export async function scanTopic(
  settings: KafkaSettings,
  topic: string,
  ranges: Ranges,
  onBatch: (partition: number, messages: readonly KafkaMessage[]) => Promise<void> | void,
): Promise<void> {
  const open = new Map([...ranges].filter(([, { from, to }]) => from < to));
  if (open.size === 0) return;
  const next = new Map([...open].map(([partition, { from }]) => [partition, from]));
  const kafka = createKafka(settings);
  const groupId = `${OPERATOR_GROUPS}${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, readUncommitted: false, maxWaitTimeInMs: 100 });
  let failure: Error | undefined;
  let fault: unknown;
  let movedAt = performance.now();
  consumer.on(consumer.events.CRASH, ({ payload }) => (failure ??= payload.error));
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    movedAt = performance.now();
    const range = open.get(payload.partition);
    if (range !== undefined && BigInt(payload.lastOffset) >= range.to - 1n) open.delete(payload.partition);
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        const { to } = ranges.get(partition) ?? { to: 0n };
        // Records fetched before the seek may arrive too. None is handed over twice.
        const wanted = messages.filter(({ offset }) => BigInt(offset) >= (next.get(partition) ?? to) && BigInt(offset) < to);
        if (wanted.length === 0) return;
        try {
          await onBatch(partition, wanted);
        } catch (error) {
          fault ??= error; // kafkajs would hand the batch over again.
          throw error;
        }
        next.set(partition, BigInt(wanted.at(-1)?.offset ?? 0) + 1n);
      },
    });
    for (const [partition, { from }] of open) consumer.seek({ topic, partition, offset: String(from) });
    while (open.size > 0) {
      if (fault instanceof OperateError) throw fault;
      if (failure !== undefined || performance.now() - movedAt > STALLED_MS) {
        throw new OperateError('TOPIC_UNREADABLE', `${topic} cannot be read: ${failure?.message ?? 'nothing came for 30 s'}`, failure);
      }
      await delay(20);
    }
  } catch (error) {
    throw operateError(settings, error);
  } finally {
    await consumer.disconnect();
    await withAdmin(settings, (admin) => admin.deleteGroups([groupId])).catch(() => undefined); // Kafka forgets it after days anyway.
  }
}
