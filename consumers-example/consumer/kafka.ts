import { Partitioners, type Admin, type Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Tracing } from '../../kit/tracing.ts';
import { Batches } from './batches.ts';
import { Commits } from './commits.ts';
import type { Decoder } from './decode.ts';
import { deadLetter } from './dead-letter.ts';
import { NotNowError } from './errors.ts';
import type { ConsumerMetrics } from './observe.ts';
import { Positions } from './positions.ts';
import { traced } from './traced.ts';
import { Watch, type PartitionOffsets } from './watch.ts';
import type { Delivered, Handling } from './work-off.ts';

export type { Delivered };

/**
 * Handles events: one by one, or up to `batchSize` of a partition together. Events of a partition come in order;
 * partitions run concurrently. When the promise resolves, the offsets may be committed. When it rejects, the events come
 * again; errors.ts has the kinds of rejection.
 */
export type Handler<T> =
  { handle: (delivered: Delivered<T>) => Promise<void> } | { handleBatch: (delivered: Delivered<T>[]) => Promise<void>; batchSize: number };

export type Consumption<T> = Handler<T> & {
  /** The client, with its login. */
  kafka: Kafka;
  groupId: string;
  topic: string;
  /** The value as a `T`; see createDecoder. */
  decode: Decoder<T>;
  /** The topic for records that cannot be decoded, or that the handler rejected `maxAttempts` times. */
  deadLetterTopic: string;
  maxAttempts: number;
  /** The consumer gives up after this time with lag and without progress; longer than the slowest handling. */
  stallSeconds: number;
  log: Logger;
  metrics: ConsumerMetrics;
  /** A span for each call of the handler; undefined when tracing is off. */
  tracing?: Tracing | undefined;
  /** Consuming has ended. The process must be restarted, as it would stay alive doing nothing. */
  onGivingUp: (error: Error) => void;
};

/**
 * How late a position is committed after its record was handled. kafkajs itself would commit after every batch of
 * every partition and wait for each: measured at 600 events a second, that made an event 50-130 ms late.
 */
const COMMIT_EVERY_MS = 100;
/** How long a fetch waits for records, which also delays the fetch of a resumed partition. */
const FETCH_WAIT_MS = 500;
/** Batches that run concurrently. kafkajs fetches again when all batches of the last fetch are done or in the background. */
const PARTITIONS_AT_ONCE = 16;
const WATCH_EVERY_MS = 5000;
const STOP_WITHIN_MS = 10_000;

/**
 * The only user of kafkajs here. Starts from the oldest record when the group has no position.
 *
 * @returns stop: finishes running batches, commits and leaves the group
 * @throws when Kafka does not answer, or a topic is missing
 */
export async function consume<T>(consumption: Consumption<T>): Promise<{ stop: () => Promise<void> }> {
  const { kafka, groupId, topic, deadLetterTopic, stallSeconds, log, metrics, onGivingUp } = consumption;
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: false,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    retry: { retries: 20 },
  });
  // Not idempotent: after a lost answer kafkajs gives the sequence number to the next record, which the broker then
  // takes for a repeat and drops. A duplicate dead letter does no harm.
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner });
  const admin = kafka.admin();
  const positions = new Positions();
  const watch = new Watch({ mine: () => positions.tenure?.partitions, stallMs: stallSeconds * 1000, now: () => Date.now(), log, metrics });
  const handling: Handling<T> = {
    ...consumption,
    ...traced(batched(consumption), groupId, consumption.tracing),
    bury: async (record, error, attempts) => {
      const messages = [deadLetter(record, { groupId, error, attempts })];
      await producer.send({ topic: deadLetterTopic, acks: -1, messages }).catch((cause: unknown) => {
        throw new NotNowError('DEAD_LETTER_UNWRITTEN', `${deadLetterTopic} does not accept the dead letter: ${String(cause)}`, cause);
      });
    },
  };
  const commits = new Commits(consumer, topic, positions);
  const batches = new Batches({ positions, commits, watch, handling, onBroken: onGivingUp });

  async function checkLag(): Promise<void> {
    try {
      const stalled = watch.findStalled(await readOffsets(admin, groupId, topic));
      if (stalled.length === 0) return;
      onGivingUp(new Error(`no progress for ${stallSeconds} s although there are records: partitions ${stalled.join(', ')} of ${topic}`));
    } catch (error) {
      // Without Kafka's answer the lag is unknown, and kafkajs keeps retrying by itself.
      log.warn({ code: 'OFFSETS_UNKNOWN', cause: String(error) }, 'lag cannot be read');
    }
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    positions.begin(payload.memberAssignment[topic] ?? []);
    batches.begin();
  });
  consumer.on(consumer.events.REBALANCING, () => {
    void commits.commit(); // Sent before the request to join, so that fewer records come again.
    positions.end();
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { batchSize, partition, firstOffset, lastOffset } }) => {
    if (batchSize === 0) batches.passed(partition, firstOffset, lastOffset);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    positions.end();
    if (!payload.restart) onGivingUp(payload.error);
  });

  await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
  await requireTopics(admin, [topic, deadLetterTopic]);
  await checkLag(); // Before anything is fetched: what was removed since the last run is known only now.
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
    eachBatch: (payload) => batches.take(payload),
  });
  const committing = setInterval(() => commits.tick(), COMMIT_EVERY_MS);
  const watching = setInterval(() => void checkLag(), WATCH_EVERY_MS);

  return {
    stop: async () => {
      clearInterval(watching);
      clearInterval(committing);
      consumer.pause([{ topic }]);
      await Promise.race([batches.stop(), delay(STOP_WITHIN_MS, undefined, { ref: false })]);
      await commits.commit();
      await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
    },
  };
}

function batched<T>(handler: Handler<T>): Pick<Handling<T>, 'handleBatch' | 'batchSize'> {
  if ('handleBatch' in handler) return handler;
  return {
    batchSize: 1,
    handleBatch: async (delivered) => {
      for (const one of delivered) await handler.handle(one);
    },
  };
}

/** kafkajs would silently wait for a missing topic. */
async function requireTopics(admin: Admin, topics: string[]): Promise<void> {
  const existing = await admin.listTopics();
  const missing = topics.filter((topic) => !existing.includes(topic));
  if (missing.length > 0) throw new Error(`Kafka has no topic ${missing.join(', ')}: npm run register creates it`);
}

async function readOffsets(admin: Admin, groupId: string, topic: string): Promise<PartitionOffsets[]> {
  // The positions are read first: read after the ends, they could seem to be beyond them.
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  const ends = await admin.fetchTopicOffsets(topic);
  return ends.map(({ partition, low, high }) => {
    const position = committed.get(partition) ?? -1n;
    return { partition, low: BigInt(low), end: BigInt(high), committed: position < 0n ? undefined : position };
  });
}
