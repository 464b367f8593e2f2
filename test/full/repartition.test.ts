import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { runConsumer, withAdmin, type Running } from '../support/consumer.ts';
import { startLoad } from '../support/load.ts';
import { uniqueName } from '../support/names.ts';
import { outbox } from '../support/operate.ts';
import { postInTurn } from '../support/post.ts';
import { query, start, stop, untilUp } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

// Adds partitions under load. They stay: Kafka cannot remove partitions.

const CONSUMERS = ['consumer', 'actions', 'cleanup'];
const partitions = async () => (await withAdmin((admin) => admin.fetchTopicOffsets(EVENT_TOPIC))).length;
const isEmpty = async () => (await query('SELECT FROM zap_run_outbox LIMIT 1')).length === 0;

const groupId = uniqueName('ordered');
const handled: { id: string; zap: string }[] = [];
let consumer: Running;
const begin = async () => {
  consumer = await runConsumer({
    groupId,
    topic: EVENT_TOPIC,
    deadLetterTopic: `${EVENT_TOPIC}.dead-letter`,
    handle: async ({ id, event: { userId, zapId } }) => void handled.push({ id, zap: `${userId}/${zapId}` }),
  });
};
beforeAll(begin);
afterAll(() => consumer.stop());

test('repartition under load: every event arrives, in the order of its zap, and cleanup continues', { timeout: 400_000 }, async () => {
  const before = await partitions();
  const load = startLoad(40, 60);
  await waitFor('the load has begun', () => load.accepted() > 200, 60_000);
  const { code, stdout, stderr } = await outbox('repartition', String(before + 3));
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Every event on the topic has been read.');
  expect(stdout).toContain(`${EVENT_TOPIC} has ${before + 3} partitions.`);
  expect(await partitions()).toBe(before + 3);
  const accepted = await load.done;
  // As the verb advises: restarted consumers see the new partitions sooner.
  await consumer.stop();
  await stop(...CONSUMERS);
  await start(...CONSUMERS);
  await untilUp(...CONSUMERS);
  await begin();
  await waitFor('the outbox is empty', isEmpty, 120_000);
  for (const [zap, ids] of accepted) {
    const seen = () => [...new Set(handled.filter((one) => one.zap === zap).map(({ id }) => id))];
    await waitFor(`${zap} has arrived`, () => seen().length === ids.length, 60_000);
    expect([zap, seen()]).toEqual([zap, ids]);
  }
  expect(await query('SELECT FROM cleanup_state WHERE stop_code IS NOT NULL')).toEqual([]);
  const used = (await withAdmin((admin) => admin.fetchTopicOffsets(EVENT_TOPIC))).filter(
    ({ partition, high }) => partition >= before && Number(high) > 0,
  );
  expect(used.length).toBeGreaterThan(0);
});

test('repartition changes nothing while a group has lag, and refuses what Kafka cannot do', { timeout: 200_000 }, async () => {
  const before = await partitions();
  expect(await outbox('repartition', String(before))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('PARTITIONS_NOT_MORE') as string,
  });
  await stop('consumer');
  try {
    await postInTurn(uniqueName('user'), uniqueName('zap'), 3);
    const { code, stderr } = await outbox('repartition', String(before + 1), '--within', '3s');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/NOT_DRAINED: Still to be read: consumers-example \d+/)]);
    expect(await partitions()).toBe(before);
    expect(await query('SELECT FROM connector_state WHERE paused_at IS NOT NULL')).toEqual([]);
  } finally {
    await start('consumer');
    await untilUp('consumer');
  }
  await waitFor('the outbox is empty', isEmpty, 60_000);
});

test(
  'partitions that somebody adds by hand are an unsafe finding, and cleanup stops until they are accepted',
  { timeout: 200_000 },
  async () => {
    const count = (await partitions()) + 1;
    await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic: EVENT_TOPIC, count }] }));
    const found = await waitFor(
      'the doctor finds it',
      async () => {
        const { code, stdout } = await outbox('doctor');
        return code === 2 && stdout.includes('PARTITIONS_GREW') ? stdout : undefined;
      },
      60_000,
    );
    expect(found).toMatch(/unsafe\s+CLEANUP_STOPPED\s+PARTITIONS_GREW: the topic has grown from \d+ to \d+ partitions/);
    expect(await outbox('repartition', String(count + 1))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CLEANUP_STOPPED') as string,
    });
    expect(await outbox('accept-topic')).toMatchObject({ code: 0 });
    await stop(...CONSUMERS);
    await start(...CONSUMERS);
    await untilUp(...CONSUMERS);
    await postInTurn(uniqueName('user'), uniqueName('zap'), 3);
    await waitFor('cleanup goes on', isEmpty, 60_000);
  },
);
