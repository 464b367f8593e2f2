import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseUrl } from '../stack/config.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { postInTurn } from './support/post.ts';
import { config, query, start, stop, untilUp } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

// A person's data: what `outbox erase` deletes, and what it must keep.

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const waiting = (userId: string) => query('SELECT FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`]);
const untilGone = (userId: string) => waitFor('its rows are gone', async () => (await waiting(userId)).length === 0, 60_000);
const left = async (userId: string) =>
  (await query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run WHERE user_id = $1', [userId]))[0]?.n;

test(
  'deletes a zap from every table, keeps what is not yet acknowledged, and lists what it cannot reach',
  { timeout: 120_000 },
  async () => {
    const [userId, zapId, other] = [uniqueName('user'), uniqueName('zap'), uniqueName('zap')];
    const zap = `${userId}/${zapId}`;
    const ids = await postInTurn(userId, zapId, 3);
    await postInTurn(userId, other, 1);
    await untilGone(userId);
    await query(`INSERT INTO actions.event (id, zap, body) SELECT unnest($1::uuid[]), $2, 'private'`, [ids, zap]);
    const due = `INSERT INTO actions.delivery (event_id, target, state, due_at) VALUES ($1, 'nobody-calls-it', 'pending', now() + interval '1 day')`;
    await query(due, [ids[0]]);
    await stop('connect');
    try {
      await postInTurn(userId, zapId, 2);
      const dry = await outbox('erase', '--zap', zap, '--dry-run');
      expect(dry.stdout).toMatch(/^2 runs would be erased\.\n2 are left: their events are not yet acknowledged.*\n1 are left: calls/);
      expect(await left(userId)).toBe(6);
      const { code, stdout } = await outbox('erase', '--zap', zap);
      expect(code).toBe(1);
      expect(stdout).toMatch(/^2 runs are erased\.\n2 are left/);
      expect(stdout).toMatch(/^Not reached: .*dead-letter topic/m);
      expect(await left(userId)).toBe(4);
    } finally {
      await start('connect');
      await untilUp('connect');
    }
    await topic.untilEvents(zap, 5);
    await untilGone(userId);
    expect(await outbox('erase', '--run', ids[0] ?? '')).toMatchObject({ code: 1 });
    expect(await outbox('erase', '--zap', zap, '--cancel-calls')).toMatchObject({ code: 0 });
    expect(await left(userId)).toBe(1);
    expect(await query('SELECT FROM actions.event WHERE zap = $1', [zap])).toEqual([]);
    expect((await outbox('explain', ids[0] ?? '')).code).toBe(1);
    expect((await outbox('replay', '--zap', zap, '--since', '1h')).stdout).toBe('0 runs, 0 are sent again.\n');
  },
);

test('deletes a buried event too, reports that it was never published, and waits for a running replay', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const ids = await postInTurn(userId, zapId, 2);
  await untilGone(userId);
  const [first = '', second = ''] = ids;
  await query(
    `INSERT INTO outbox_dead SELECT id, 0, 'zap-run', $2, 'ZapRunCreated', '\\x000000000001', NULL, 0, now(), 'a test', now(), 'BY_HAND'
       FROM unnest($1::uuid[]) AS id`,
    [[first], `${userId}/${zapId}`],
  );
  expect((await outbox('erase', '--run', first)).stdout).toMatch(/^1 runs are erased; 1 of them had never been published\./);
  expect(await query('SELECT FROM outbox_dead WHERE id = $1', [first])).toEqual([]);

  const replaying = new pg.Client({ connectionString: databaseUrl(config, 'operator') });
  await replaying.connect();
  try {
    await replaying.query('BEGIN');
    await replaying.query(`SELECT outbox_replay(ARRAY[$1::uuid], ARRAY['\\x000000000001'::bytea])`, [second]);
    const erasing = outbox('erase', '--run', second);
    const blocked = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%outbox_erase%' AND pid <> pg_backend_pid()`;
    await waitFor('erase waits', async () => (await query(blocked, [], 'postgres')).length > 0);
    await replaying.query('ROLLBACK');
    expect(await erasing).toMatchObject({ code: 0 });
  } finally {
    await replaying.end();
  }
  expect(await left(userId)).toBe(0);
});
