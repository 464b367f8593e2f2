import { Kafka, logLevel, type IHeaders } from 'kafkajs';

export interface Received {
  topic: string;
  partition: number;
  offset: string;
  key: string | undefined;
  value: Buffer | null;
  headers: IHeaders;
}

export interface Consuming {
  brokers: string[];
  groupId: string;
  topic: string;
  /** One record; its offset is committed after this has resolved. When it rejects, the record comes again. */
  handle: (record: Received) => Promise<void>;
  /** kafkajs gave up: the process must end and be started again, as it would live on without consuming. */
  onGivingUp: (error: Error) => void;
}

/**
 * How late a position is committed after its record was handled. kafkajs itself would commit after every batch of
 * every partition and wait for each: measured at 600 events a second, that made an event 50-130 ms late.
 */
const COMMIT_EVERY_MS = 100;

/** The only door to kafkajs. Starts from the oldest record when the group has no position. */
export async function consume({ brokers, groupId, topic, handle, onGivingUp }: Consuming): Promise<{ stop: () => Promise<void> }> {
  const kafka = new Kafka({ clientId: groupId, brokers, logLevel: logLevel.WARN });
  const consumer = kafka.consumer({ groupId, readUncommitted: false, retry: { retries: 20 } });
  /** Partition → the offset after the last record that was handled and is not committed yet. */
  const handled = new Map<number, string>();

  async function commit(): Promise<void> {
    const positions = [...handled].map(([partition, offset]) => ({ topic, partition, offset }));
    handled.clear();
    // A commit that is refused (the group is being rebalanced) costs repeats only.
    if (positions.length > 0) await consumer.commitOffsets(positions).catch(() => undefined);
  }

  // Another member may own a partition after this: committing for it would set the group back.
  consumer.on(consumer.events.REBALANCING, () => handled.clear());
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onGivingUp(payload.error);
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      const { offset, key, value, headers = {} } = message;
      await handle({ topic, partition, offset, key: key?.toString(), value, headers });
      handled.set(partition, String(BigInt(offset) + 1n));
    },
  });
  const timer = setInterval(() => void commit(), COMMIT_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      consumer.pause([{ topic }]); // What is handled from here on would come again.
      await commit();
      await consumer.disconnect();
    },
  };
}
