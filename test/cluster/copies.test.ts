import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ACTIONS_GROUP, CONSUMER_GROUP } from '../../contract/kafka-grants.ts';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../../contract/names.ts';
import { copyNames, portsOf } from '../../stack/copies.ts';
import { audit, auditThisFile, topic } from '../support/audited.ts';
import { connect, untilRunning } from '../support/connector.ts';
import { adminClient, untilNoLag } from '../support/kafka.ts';
import { config, kill, part, query, start, stop, untilUp } from '../support/stack.ts';
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { waitFor } from '../support/wait-for.ts';

// PROFILE=cluster: what three brokers, two workers and three copies of each service are for. Senders post to all copies of
// ingest without a pause; a fault may refuse a post, but nothing that was answered 200 is lost, reordered or deleted early.

auditThisFile();

/** Whose events the stack's own action file sends on, to the target `echo`. */
const USER = '123';
const ingests = portsOf(config, 'INGEST_PORT').map((port) => `http://127.0.0.1:${port}`);
const admin = adminClient().admin();
beforeAll(() => admin.connect());
afterAll(() => admin.disconnect());

let load: SteadyLoad;
const more = (count: number) => {
  const until = load.accepted() + count;
  return waitFor(`${count} more posts are accepted`, () => load.accepted() >= until, 60_000);
};

/** Until each event's action was answered. */
const untilCalled = (ids: readonly string[]) =>
  waitFor(
    'the action of each event is delivered',
    async () => {
      const [row] = await query<{ n: number }>(
        `SELECT count(*)::int AS n FROM actions.delivery WHERE state = 'delivered' AND target = 'echo' AND event_id = ANY ($1::uuid[])`,
        [ids],
        'postgres',
      );
      return row?.n === ids.length;
    },
    60_000,
  );

/** Runs the fault while senders post, and holds what was promised against what became of their posts. */
async function under(fault: () => Promise<void>): Promise<readonly string[]> {
  load = startSteadyLoad(8, ingests, USER);
  try {
    await more(100);
    await fault();
    await more(100);
  } finally {
    const accepted = await load.stop();
    await audit.expectKept(topic, accepted);
    await untilNoLag(CONSUMER_GROUP);
    await untilNoLag(ACTIONS_GROUP);
    await untilCalled([...accepted.values()].flat());
  }
  return load.refused;
}

afterEach(async () => {
  const all = ['kafka', 'connect', 'ingest', 'cleanup', 'consumer', 'actions'].flatMap((name) => copyNames(config, name));
  await start(...all);
  await untilUp(...all);
  await untilRunning();
});

/** The part that runs the connector's task. */
async function taskHolder(): Promise<string | undefined> {
  const worker = (await connect.status(CONNECTOR_NAME))?.tasks[0]?.worker_id ?? '';
  const index = portsOf(config, 'CONNECT_PORT').findIndex((port) => worker.endsWith(`:${port}`));
  return copyNames(config, 'connect')[index];
}

test('every topic has three copies of each record, two of which must be in sync', async () => {
  const names = (await admin.listTopics()).filter((name) => !name.startsWith('__cluster'));
  expect(names).toEqual(expect.arrayContaining([EVENT_TOPIC, 'outbox-connect.offsets', '__consumer_offsets']));
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const copies = topics.flatMap(({ name, partitions }) => partitions.map(({ replicas }) => [name, replicas.length]));
  expect(copies.filter(([, count]) => count !== 3)).toEqual([]);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  const inSync = resources.map(({ resourceName, configEntries }) => [
    resourceName,
    configEntries.find(({ configName }) => configName === 'min.insync.replicas')?.configValue,
  ]);
  expect(inSync.filter(([, least]) => least !== '2')).toEqual([]);
});

test(
  'a worker is killed and stays away: its task moves to the other one within 30 s, and events flow again',
  { timeout: 300_000 },
  async () => {
    // The services ask the first worker, which passes on what the other one knows.
    const [asked = '', other = ''] = copyNames(config, 'connect');
    await untilRunning();
    if ((await taskHolder()) !== other) {
      await kill(asked);
      await waitFor('the task is at the other worker', async () => (await taskHolder().catch(() => undefined)) === other, 60_000);
      await untilUp(asked);
      await untilRunning();
    }
    const refused = await under(async () => {
      const killedAt = performance.now();
      await kill(other);
      await stop(other);
      await waitFor('the task has moved', async () => (await taskHolder()) === asked, 60_000);
      await untilRunning();
      const seconds = (performance.now() - killedAt) / 1000;
      process.stdout.write(`the task runs again ${seconds.toFixed(1)} s after the kill\n`);
      expect(seconds).toBeLessThan(30);
    });
    expect(refused).toEqual([]);
  },
);

test.each(copyNames({ PROFILE: 'cluster' }, 'kafka'))('%s is killed: no post is refused', { timeout: 300_000 }, async (broker) => {
  expect(await under(() => kill(broker))).toEqual([]);
});

test('a broker that stays away does not stop the chain', { timeout: 300_000 }, async () => {
  const refused = await under(async () => {
    await stop('kafka-2');
    await more(300);
    // Events that were accepted meanwhile are deleted meanwhile.
    await waitFor('rows are acknowledged without it', async () => {
      const [row] = await query<{ n: number }>(
        `SELECT count(*)::int AS n FROM zap_run_outbox WHERE created_at < now() - interval '5 seconds'`,
      );
      return row?.n === 0;
    });
  });
  expect(refused).toEqual([]);
});

test.each(['cleanup-2', 'consumer-2', 'actions-2'])(
  '%s is killed beside two others: no post is refused',
  { timeout: 300_000 },
  async (name) => {
    expect((await part(name)).state).toBe('up');
    expect(await under(() => kill(name))).toEqual([]);
  },
);

test('ingest-2 is killed beside two others: only posts that it was about to answer fail', { timeout: 300_000 }, async () => {
  const refused = await under(async () => {
    await kill('ingest-2');
    await untilUp('ingest-2');
  });
  const [, killed = ''] = ingests;
  expect(refused.filter((one) => !one.startsWith(killed))).toEqual([]);
});
