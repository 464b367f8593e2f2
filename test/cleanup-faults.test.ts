import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { databaseUrl } from '../stack/config.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { insertion } from './support/catalog.ts';
import { committed, untilNoLag } from './support/kafka.ts';
import { startLoad } from './support/load.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { startCleanup } from './support/services.ts';
import { config, part, query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

auditThisFile();

const rowsOf = async (key: string) =>
  (await query<{ id: string }>('SELECT id FROM zap_run_outbox WHERE aggregateid = $1', [key])).map(({ id }) => id);

/** A separate session that ends with the test. */
async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl(config, 'outbox_owner') });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

test('kill -9 between the DELETE and the commit of the position loses nothing and leaves nothing', { timeout: 180_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const key = `${userId}/${zapId}`;
  await stop('consumer');
  const ids = await postInTurn(userId, zapId, 20);
  await topic.untilEvents(key, 20);
  // The row is locked while its DELETE is tried; then Kafka is frozen, so that the DELETE is committed and the position is not.
  const client = await session();
  await client.query('BEGIN');
  await client.query('SELECT FROM zap_run_outbox WHERE aggregateid = $1 FOR UPDATE', [key]);
  const [kafka, cleanup] = await Promise.all([part('kafka'), part('cleanup')]);
  await start('consumer');
  await untilUp('consumer');
  const waiting = `SELECT FROM pg_stat_activity WHERE usename = 'cleanup' AND wait_event_type = 'Lock'`;
  await waitFor('cleanup waits for the row', async () => (await query(waiting, [], 'postgres')).length > 0, 60_000);
  const before = await committed('outbox-cleanup');
  process.kill(kafka.pid!, 'SIGSTOP');
  try {
    await client.query('COMMIT');
    await waitFor('the rows are deleted', async () => (await rowsOf(key)).length === 0);
    process.kill(cleanup.pid!, 'SIGKILL');
  } finally {
    process.kill(kafka.pid!, 'SIGCONT');
  }
  const { partition } = topic.records(key)[0]!;
  await waitFor('another cleanup runs', async () => (await part('cleanup')).pid !== cleanup.pid);
  await waitFor(
    'it reads on',
    async () => ((await committed('outbox-cleanup')).get(partition) ?? 0n) > (before.get(partition) ?? 0n),
    60_000,
  );
  await audit.expectKept(topic, new Map([[key, ids]]));
  await untilNoLag('outbox-cleanup');
});

test('cleanup waits for a locked row and does not skip it', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const key = `${userId}/${zapId}`;
  const client = await session();
  await stop('consumer');
  const ids = await postInTurn(userId, zapId, 3);
  await client.query('BEGIN');
  await client.query('SELECT FROM zap_run_outbox WHERE id = $1 FOR UPDATE', [ids[1]]);
  await start('consumer');
  await untilUp('consumer');
  const tries = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'cleanup' AND wait_event_type = 'Lock'`;
  await waitFor('cleanup waits', async () => (await query<{ n: number }>(tries, [], 'postgres'))[0]!.n > 0, 60_000);
  await waitFor('it has given up once', async () => (await query<{ n: number }>(tries, [], 'postgres'))[0]!.n === 0);
  expect(await rowsOf(key)).toContain(ids[1]);
  await client.query('COMMIT');
  await audit.expectKept(topic, new Map([[key, ids]]));
});

test('an insert that commits after later events have passed is published once, after its commit', { timeout: 180_000 }, async () => {
  const [key, first] = [`${uniqueName('user')}/${uniqueName('zap')}`, uniqueName('user')];
  const [model] = await postInTurn(first, 'zap', 1);
  const [record] = await topic.untilEvents(`${first}/zap`, 1);
  const row = { id: randomUUID(), aggregatetype: 'zap-run', aggregateid: key, type: 'ZapRunCreated', payload: record!.value };
  const client = await session();
  await client.query('BEGIN');
  await client.query(...insertion('zap_run_outbox', row));
  // Twice the age at which the reconciler checks a row, while younger rows come and go.
  const accepted = await startLoad(5, 40).done;
  await audit.expectKept(topic, new Map([...accepted, [`${first}/zap`, [model!]]]));
  await untilNoLag('outbox-cleanup');
  expect(topic.records(key)).toEqual([]);
  await client.query('COMMIT');
  await audit.expectKept(topic, new Map([[key, [row.id]]]));
  expect(topic.records(key).map(({ headers }) => headers.resends)).toEqual(['0']);
});

test.each([2, 5])('%i copies of cleanup at once delete every row once, and none too early', { timeout: 240_000 }, async (copies) => {
  const others = await Promise.all(Array.from({ length: copies - 1 }, () => startCleanup()));
  onTestFinished(async () => {
    await Promise.all(others.map((copy) => copy.stop()));
    await untilNoLag('outbox-cleanup');
  });
  const load = startLoad(10, 60);
  await waitFor('half of the posts are accepted', () => load.accepted() >= 300, 120_000);
  await others[0]!.stop();
  const accepted = await load.done;
  await audit.expectKept(topic, accepted);
  await untilNoLag('outbox-cleanup');
  const all = [...accepted.values()].flat();
  const sentAgain = all.filter((id) =>
    topic
      .records([...accepted].find(([, ids]) => ids.includes(id))![0])
      .some(({ headers }) => headers.id === id && headers.resends !== '0'),
  );
  expect(sentAgain).toEqual([]);
});

test('a dry run logs what it would delete, deletes nothing and commits nothing', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const key = `${userId}/${zapId}`;
  await stop('cleanup');
  const ids = await postInTurn(userId, zapId, 5);
  await topic.untilEvents(key, 5);
  const group = uniqueName('group');
  const dry = await startCleanup({ DRY_RUN: 'true', CLEANUP_GROUP: group });
  try {
    await waitFor('it has evaluated the rows', () => /"rows":[1-9]\d*,"msg":"dry run/.test(dry.log()), 60_000);
    expect((await rowsOf(key)).toSorted()).toEqual(ids.toSorted());
    expect([...new Set((await committed(`${group}-dry-run`)).values())]).toEqual([-1n]);
  } finally {
    await dry.stop();
    await start('cleanup');
    await untilUp('cleanup');
  }
  await audit.expectKept(topic, new Map([[key, ids]]));
});
