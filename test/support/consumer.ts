import { Partitioners, type Admin, type IHeaders } from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createDecoder } from '../../consumers-example/consumer/decode.ts';
import { consume, type Consumption, type Delivered } from '../../consumers-example/consumer/kafka.ts';
import { createConsumerMetrics } from '../../consumers-example/consumer/observe.ts';
import { createRegistry } from '../../consumers-example/consumer/registry.ts';
import { zapRunCreated, type ZapRunCreated } from '../../contract/zap-run.ts';
import { adminClient } from './kafka.ts';
import { uniqueName } from './names.ts';
import { config } from './stack.ts';
import { waitFor } from './wait-for.ts';
import { registryFor } from '../../stack/http-logins.ts';

export const kafka = adminClient();

/** An admin client for one use: one that is kept asks again and again for topics that are gone. */
export async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** The end of a topic's only partition, markers included. */
export const endOf = async (topic: string) => Number((await withAdmin((admin) => admin.fetchTopicOffsets(topic)))[0]?.high);

/** A topic of a test's own, and one for its dead letters. */
export async function ownTopics(partitions = 1): Promise<{ topic: string; deadLetterTopic: string; drop: () => Promise<void> }> {
  const topic = uniqueName('topic');
  const deadLetterTopic = `${topic}.dead-letter`;
  const topics = [
    { topic, numPartitions: partitions },
    { topic: deadLetterTopic, numPartitions: 1 },
  ];
  await withAdmin((admin) => admin.createTopics({ waitForLeaders: false, topics }));
  await waitFor('the topics have leaders', () => withAdmin((admin) => Promise.all([topic, deadLetterTopic].map(admin.fetchTopicOffsets))));
  return { topic, deadLetterTopic, drop: () => withAdmin((admin) => admin.deleteTopics({ topics: [topic, deadLetterTopic] })) };
}

export interface Record {
  value: Buffer | null;
  key?: string;
  partition?: number;
  headers: IHeaders;
}

/** Writes records, as one transaction where told: aborted ones are never to be seen, but have offsets. */
export async function produce(topic: string, records: Record[], transaction?: 'commit' | 'abort'): Promise<void> {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    ...(transaction && { transactionalId: uniqueName('tx'), idempotent: true, maxInFlightRequests: 1 }),
  });
  await producer.connect();
  try {
    if (transaction === undefined) await producer.send({ topic, messages: records });
    else {
      const open = await producer.transaction();
      await open.send({ topic, messages: records });
      await open[transaction]();
    }
  } finally {
    await producer.disconnect();
  }
}

/** The group's lag as Kafka tells it: end of the log, markers included, less what is committed. */
export function lagOf(groupId: string, topic: string): Promise<number> {
  return withAdmin(async (admin) => {
    const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]));
    const ends = await admin.fetchTopicOffsets(topic);
    return ends.reduce((sum, { partition, high }) => sum + Number(high) - (committed.get(partition) ?? 0), 0);
  });
}

export interface Running {
  handled: Delivered<ZapRunCreated>[];
  gaveUp: Error[];
  ids: () => string[];
  until: (count: number, withinMs?: number) => Promise<string[]>;
  stop: () => Promise<void>;
}

type Options = Partial<Consumption<ZapRunCreated>> & { topic: string; deadLetterTopic: string };

/** The example's consumer in this process, which keeps what it has handled. */
export async function runConsumer(
  { groupId = uniqueName('group'), ...options }: Options,
  registry = registryFor(config, 'reader'),
): Promise<Running> {
  const handled: Delivered<ZapRunCreated>[] = [];
  const gaveUp: Error[] = [];
  const consumer = await consume<ZapRunCreated>({
    kafka,
    decode: createDecoder(createRegistry(registry), zapRunCreated),
    handle: async (delivered) => void handled.push(delivered),
    maxAttempts: 2,
    stallSeconds: 30,
    log: pino({ level: 'silent' }),
    metrics: createConsumerMetrics(new Registry()),
    onGivingUp: (error) => gaveUp.push(error),
    groupId,
    ...options,
  });
  const ids = () => handled.map(({ id }) => id);
  return {
    handled,
    gaveUp,
    ids,
    until: (count, withinMs = 30_000) =>
      waitFor(`${count} records are handled`, () => (ids().length >= count ? ids() : undefined), withinMs),
    stop: consumer.stop,
  };
}

/** All records of a topic's partition 0, read once from the beginning to the end. */
export async function readAll(
  topic: string,
  count: number,
): Promise<{ value: Buffer | null; key: string | undefined; headers: IHeaders }[]> {
  const consumer = kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 100 });
  const found: { value: Buffer | null; key: string | undefined; headers: IHeaders }[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message: { value, key, headers = {} } }) => void found.push({ value, key: key?.toString(), headers }),
  });
  try {
    return await waitFor(`${count} records on ${topic}`, () => (found.length >= count ? found : undefined), 30_000);
  } finally {
    await consumer.disconnect();
  }
}
