import type { KafkaMessage } from 'kafkajs';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { createDecoder } from '../../consumers-example/consumer/decode.ts';
import { zapRunCreated, type ZapRunCreated } from '../../contract/zap-run.ts';
import { adminClient } from './kafka.ts';
import { uniqueName } from './names.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';
import { createRegistry } from '../../consumers-example/consumer/registry.ts';
import { registryFor } from '../../stack/http-logins.ts';

export interface TopicRecord {
  partition: number;
  offset: bigint;
  /** Kafka's clock: when the broker appended it. */
  appendedAt: Date;
  key: string;
  headers: Record<string, string | undefined>;
  value: Buffer;
  event: ZapRunCreated;
}

/** Reads the event topic from the beginning, as a group of its own, and keeps every record by key. */
export interface TopicReader {
  records(key: string): readonly TopicRecord[];
  /** Waits until at least `count` different events with the key have come. @returns the records, repeats included */
  untilEvents(key: string, count: number, withinMs?: number): Promise<readonly TopicRecord[]>;
  close(): Promise<void>;
}

export async function readTopic(): Promise<TopicReader> {
  const kafka = adminClient();
  const consumer = kafka.consumer({ groupId: uniqueName('test'), readUncommitted: false, maxWaitTimeInMs: 100, retry: { retries: 30 } });
  const decode = createDecoder(createRegistry(registryFor(config, 'reader')), zapRunCreated);
  const byKey = new Map<string, TopicRecord[]>();
  const records = (key: string) => byKey.get(key) ?? [];

  async function keep(partition: number, { offset, timestamp, key, headers, value }: KafkaMessage): Promise<void> {
    if (key === null || value === null) throw new Error(`record without key or value at ${partition}/${offset}`);
    const record: TopicRecord = {
      partition,
      offset: BigInt(offset),
      appendedAt: new Date(Number(timestamp)),
      key: key.toString(),
      headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, one]) => [name, one?.toString()])),
      value,
      event: await decode(value),
    };
    byKey.set(record.key, [...records(record.key), record]);
  }

  await consumer.connect();
  await consumer.subscribe({ topic: EVENT_TOPIC, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: ({ partition, message }) => keep(partition, message) });
  return {
    records,
    untilEvents: (key, count, withinMs = 30_000) =>
      waitFor(
        `${count} events with the key ${key} on the topic`,
        () => {
          const found = records(key);
          return new Set(found.map(({ headers }) => headers.id)).size >= count ? found : undefined;
        },
        withinMs,
      ),
    close: () => consumer.disconnect(),
  };
}
