import { afterAll, beforeAll, expect, test } from 'vitest';
import { untilRunning } from './support/connector.ts';
import { metricSum } from './support/metrics.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { query } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';
import type { Login } from '../stack/config.ts';

// The slot decodes the WAL of the whole database, which others write too. None of that may reach the connector.

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
  // After a restart the connector reads its slot twice: once to the first message, to find its position, then to publish.
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await postInTurn(userId, zapId, 1);
  await topic.untilEvents(`${userId}/${zapId}`, 1, 60_000);
});
afterAll(() => topic.close());

const reader = async () => (await query<{ active_pid: number | null }>('SELECT active_pid FROM pg_replication_slots'))[0]?.active_pid;
const repairs = () => metricSum('WATCH', 'outbox_watch_repairs_total');

const other = `CREATE SCHEMA other; CREATE TABLE other.zap_run_outbox (LIKE public.zap_run_outbox INCLUDING ALL);
  INSERT INTO other.zap_run_outbox (id, aggregatetype, aggregateid, type, payload) OVERRIDING SYSTEM VALUE
    VALUES (gen_random_uuid(), 'zap-run', 'u/z', 'T', '\\x000000000100');`;
const gone = 'DROP SCHEMA other CASCADE';
const each = (count: number, body: string) => `DO $$ BEGIN FOR n IN 1..${count} LOOP ${body} END LOOP; END $$`;

test.each<[string, Login, string]>([
  ['a transactional message', 'postgres', `SELECT pg_logical_emit_message(true, 'x', 'y')`],
  ['a message outside of a transaction', 'postgres', `SELECT pg_logical_emit_message(false, 'x', 'y')`],
  ['a message without a prefix', 'postgres', `SELECT pg_logical_emit_message(true, '', 'y')`],
  ['a message with a line break in its prefix', 'postgres', `SELECT pg_logical_emit_message(true, E'a\\nb', 'y')`],
  ['a message with a NUL, a comma and an emoji', 'postgres', `SELECT pg_logical_emit_message(true, 'a,b😀', '\\x0001ff'::bytea)`],
  ["another login's heartbeat", 'postgres', `SELECT pg_logical_emit_message(true, 'outbox-heartbeat', 'mine')`],
  ['a message of 20 MB', 'postgres', `SELECT pg_logical_emit_message(true, 'x', repeat('x', 20000000))`],
  ['10,000 messages of one transaction', 'postgres', each(10_000, `PERFORM pg_logical_emit_message(true, 'x', 'y');`)],
  ['10,000 messages outside of a transaction', 'postgres', each(10_000, `PERFORM pg_logical_emit_message(false, 'x', 'y');`)],
  ['a table of the same name in another schema', 'postgres', `${other} ${gone}`],
  ['its truncation', 'postgres', `${other} TRUNCATE other.zap_run_outbox; ${gone}`],
  [
    'another publication, of all tables',
    'postgres',
    `CREATE PUBLICATION everything FOR ALL TABLES; ${other} ${gone}; DROP PUBLICATION everything`,
  ],
  [
    'another publication, of the outbox',
    'postgres',
    `CREATE PUBLICATION again FOR TABLE public.zap_run_outbox; ${other} ${gone}; DROP PUBLICATION again`,
  ],
  ['a column that comes and goes', 'outbox_owner', 'ALTER TABLE zap_run_outbox ADD note text; ALTER TABLE zap_run_outbox DROP note'],
  ['a column with a default', 'outbox_owner', `ALTER TABLE zap_run_outbox ADD note text NOT NULL DEFAULT 'x'`],
  ['the end of that column', 'outbox_owner', 'ALTER TABLE zap_run_outbox DROP note'],
  ['another replica identity', 'outbox_owner', 'ALTER TABLE zap_run_outbox REPLICA IDENTITY FULL'],
  ['the replica identity of before', 'outbox_owner', 'ALTER TABLE zap_run_outbox REPLICA IDENTITY DEFAULT'],
  ['the table rewritten', 'outbox_owner', 'VACUUM FULL zap_run_outbox'],
  ['a large transaction', 'postgres', 'CREATE TABLE large AS SELECT n, md5(n::text) FROM generate_series(1, 500000) n; DROP TABLE large'],
  [
    'a large transaction that is rolled back',
    'postgres',
    'BEGIN; CREATE TABLE large AS SELECT n FROM generate_series(1, 500000) n; ROLLBACK',
  ],
  [
    'many subtransactions with tables of their own',
    'postgres',
    each(2000, `BEGIN CREATE TEMP TABLE sub (n int); DROP TABLE sub; PERFORM 1 / (n % 2); EXCEPTION WHEN division_by_zero THEN NULL; END;`),
  ],
  [
    'a transaction that came from another server',
    'postgres',
    `SELECT pg_replication_origin_create('elsewhere'); SELECT pg_replication_origin_session_setup('elsewhere');
     SELECT pg_logical_emit_message(true, 'x', 'y'); INSERT INTO event_schema VALUES ('elsewhere', repeat('0', 64), 999999, '{}')`,
  ],
  ['its end', 'postgres', `SELECT pg_replication_origin_drop('elsewhere'); DELETE FROM event_schema WHERE subject = 'elsewhere'`],
])('publishing continues past %s', { timeout: 90_000 }, async (_what, login, sql) => {
  await untilRunning();
  const [before, repaired] = [await reader(), await repairs()];
  await query(sql, [], login);
  const [end] = await query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const ids = await postInTurn(userId, zapId, 3);
  const records = await topic.untilEvents(`${userId}/${zapId}`, 3, 20_000);
  expect(records.map(({ headers }) => headers.id)).toEqual(ids);
  const confirmed = () => query('SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn >= $1::pg_lsn', [end?.lsn]);
  await waitFor('the slot is confirmed beyond it', async () => (await confirmed()).length === 1);
  expect([await reader(), await repairs()]).toEqual([before, repaired]);
});
