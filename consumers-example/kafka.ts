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

/** The only door to kafkajs. Starts from the oldest record when the group has no position. */
export async function consume({ brokers, groupId, topic, handle, onGivingUp }: Consuming): Promise<{ stop: () => Promise<void> }> {
  const kafka = new Kafka({ clientId: groupId, brokers, logLevel: logLevel.WARN });
  const consumer = kafka.consumer({ groupId, readUncommitted: false, retry: { retries: 20 } });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onGivingUp(payload.error);
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    // kafkajs commits what eachMessage has resolved and nothing before.
    autoCommitInterval: 100,
    eachMessage: ({ partition, message }) =>
      handle({
        topic,
        partition,
        offset: message.offset,
        key: message.key?.toString(),
        value: message.value,
        headers: message.headers ?? {},
      }),
  });
  return { stop: () => consumer.disconnect() };
}
