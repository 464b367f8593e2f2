import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectorStates, untilRunning } from './support/connector.ts';
import { withAdmin } from './support/kafka.ts';
import { startLoad } from './support/load.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { post, postInTurn } from './support/post.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const waiting = async (userId: string) =>
  Number((await query<{ n: string }>('SELECT count(*) AS n FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`]))[0]?.n);
const untilGone = (userId: string) => waitFor('its rows are gone', async () => (await waiting(userId)) === 0, 60_000);

const nasty: Record<string, string> = {
  'an escaped NUL': '{"a":"\\u0000"}',
  'half a surrogate pair': '{"a":"\\ud83d","b":"\\udc00\\ud800"}',
  'integers beyond 2^53': '{"a":9007199254740993,"b":-9223372036854775809}',
  'numbers beyond a double': '[1e400,-0,1.10,1E+2,0.10000000000000000000001]',
  'duplicate keys': '{"b":1,"a":2,"b":3,"":4,"__proto__":{}}',
  'odd white space': ' {\r\n\t"a" :  [ ] ,"b":{ }\n} \n',
  '4-byte characters': '{"a":"𝔘𝔫𝔦🦄","é":"\u2028"}',
  nothing: '',
};

describe('replay', () => {
  test('sends key, value and headers unchanged, even with unusual metadata, and nothing of other zaps', { timeout: 120_000 }, async () => {
    const [userId, zapId, other] = [uniqueName('user'), uniqueName('zap'), uniqueName('zap')];
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const bodies = Object.values(nasty);
    for (const [n, body] of bodies.entries()) {
      const headers = n % 2 === 0 ? { traceparent, 'x-github-event': 'push', 'user-agent': 'é ☃'.normalize('NFD').slice(0, 1) } : {};
      expect((await post(userId, zapId, body, headers)).status).toBe(200);
    }
    await postInTurn(userId, other, 1);
    await topic.untilEvents(`${userId}/${zapId}`, bodies.length);
    await untilGone(userId);

    const dry = await outbox('replay', '--zap', `${userId}/${zapId}`, '--since', '1h', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: `${bodies.length} runs, ${bodies.length} would be sent again.\n` });
    expect(await outbox('replay', '--zap', `${userId}/${zapId}`, '--since', '1h')).toMatchObject({
      code: 0,
      stdout: `${bodies.length} runs, ${bodies.length} are sent again.\n`,
    });
    const all = await waitFor('they come again', () => {
      const records = topic.records(`${userId}/${zapId}`);
      return records.length >= 2 * bodies.length ? records : undefined;
    });
    const told = all.map(({ key, headers, value, partition }) => ({ key, headers, value: value.toString('hex'), partition }));
    expect(told).toHaveLength(2 * bodies.length);
    expect(told.slice(bodies.length)).toEqual(told.slice(0, bodies.length));
    expect(topic.records(`${userId}/${other}`)).toHaveLength(1);
    await untilGone(userId);
  });

  test('leaves waiting rows alone, and respects the given times', { timeout: 120_000 }, async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const zap = `${userId}/${zapId}`;
    await postInTurn(userId, zapId, 3);
    await untilGone(userId);
    const between = new Date().toISOString();
    await stop('connect');
    try {
      await postInTurn(userId, zapId, 2);
      expect((await outbox('replay', '--zap', zap, '--since', between)).stdout).toBe(
        '2 runs, 0 are sent again; 2 are in the outbox or buried and were left alone.\n',
      );
      expect((await outbox('replay', '--zap', zap, '--since', '1h', '--until', between)).stdout).toBe('3 runs, 3 are sent again.\n');
      expect(await waiting(userId)).toBe(5);
    } finally {
      await start('connect');
      await untilUp('connect');
    }
    await untilGone(userId);
    await waitFor('all come, three of them twice', () => topic.records(zap).length >= 8);
  });
});

test('rebuild sends the events of all zaps again with the same bytes, in several batches', { timeout: 180_000 }, async () => {
  const since = new Date().toISOString();
  const accepted = await startLoad(10, 25).done;
  for (const [key, ids] of accepted) await topic.untilEvents(key, ids.length);
  await waitFor('the outbox is empty', async () => (await query('SELECT FROM zap_run_outbox')).length === 0, 60_000);
  expect(await outbox('rebuild', '--since', since)).toMatchObject({ code: 0, stdout: '250 runs, 250 are sent again.\n' });
  for (const [key, ids] of accepted) {
    const records = await waitFor(`${key} comes again`, () => {
      const all = topic.records(key);
      return all.length >= 2 * ids.length ? all : undefined;
    });
    expect(records.slice(ids.length).map(({ value }) => value)).toEqual(records.slice(0, ids.length).map(({ value }) => value));
    expect(records.slice(ids.length).map(({ headers }) => headers.id)).toEqual(ids);
  }
});

describe('explain', () => {
  test(
    'shows where an event is: its row while it waits, then partition, offset, time and the groups past it',
    { timeout: 120_000 },
    async () => {
      const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
      await stop('connect');
      let id = '';
      try {
        [id = ''] = await postInTurn(userId, zapId, 1);
        const { code, stdout } = await outbox('explain', id);
        expect(code).toBe(0);
        expect(stdout).toContain(`run      ${userId}/${zapId}, received `);
        // Ingest began the trace.
        expect(stdout).toContain(`trace    ${id.replaceAll('-', '')}\n`);
        expect(stdout).toContain('outbox   its row waits since ');
        expect(stdout).toContain('topic    not there');
      } finally {
        await start('connect');
        await untilUp('connect');
      }
      await untilGone(userId);
      const [record] = await topic.untilEvents(`${userId}/${zapId}`, 1);
      const { stdout } = await outbox('explain', id);
      expect(stdout).toContain('outbox   its row is gone');
      expect(stdout).toContain(
        `topic    partition ${record?.partition}, offset ${record?.offset}, appended ${record?.appendedAt.toISOString()}\n`,
      );
      expect(stdout).toContain('consumers-example is past it (cleanup waits for it)');
    },
  );

  test('reports an unknown id and ends with 1', async () => {
    const id = crypto.randomUUID();
    const stdout = `run      no run has the id ${id}: it was never stored, was erased, or is older than RUN_KEEP_DAYS of cleanup\n`;
    expect(await outbox('explain', id)).toEqual({ code: 1, stdout, stderr: '' });
  });
});

describe('reconcile', () => {
  test('finds every run, and lists one whose event is nowhere', { timeout: 120_000 }, async () => {
    const since = new Date().toISOString();
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    await postInTurn(userId, zapId, 5);
    await untilGone(userId);
    await stop('connect');
    try {
      await postInTurn(userId, zapId, 2);
      const well = await outbox('reconcile', '--since', since);
      expect(well).toMatchObject({ code: 0, stdout: '' });
      expect(well.stderr).toContain('2 in the outbox or buried, 5 on the topic, 0 in none.');

      const lost = crypto.randomUUID();
      await query(
        `INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, schema_id)
         SELECT ('ffffffff' || substr($1, 9))::uuid, $2, $3, '{}', '{}', now(), schema_id FROM event_schema LIMIT 1`,
        [lost, userId, zapId],
      );
      const { code, stdout } = await outbox('reconcile', '--since', since);
      expect({ code, stdout }).toEqual({ code: 1, stdout: `ffffffff${lost.slice(8)}\n` });
    } finally {
      await query(`DELETE FROM zap_run WHERE id > 'ffffffff-0000-0000-0000-000000000000'`);
      await start('connect');
      await untilUp('connect');
    }
    await untilGone(userId);
  });

  test('refuses a time before the retention of the topic', async () => {
    const { code, stderr } = await outbox('reconcile', '--since', '30d');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^BEYOND_RETENTION: \S+ keeps records for 168 h/);
  });
});

test('pause stops publishing while posts are accepted, and resume ends it', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  try {
    expect((await outbox('pause', '--because', 'a test')).code).toBe(0);
    await waitFor('it is paused', async () => (await connectorStates()).join() === 'PAUSED,PAUSED');
    await postInTurn(userId, zapId, 3);
    expect((await outbox('status')).stdout).toMatch(/^connector .*PAUSED, task 0 PAUSED; paused by an operator since .*: a test$/m);
    expect(await waiting(userId)).toBe(3);
  } finally {
    expect((await outbox('resume')).code).toBe(0);
  }
  await untilRunning();
  await topic.untilEvents(`${userId}/${zapId}`, 3);
  await untilGone(userId);
});

test('status reports a cleanup whose process is down, and groups without members', { timeout: 120_000 }, async () => {
  await stop('cleanup');
  try {
    const { stdout } = await outbox('status');
    expect(stdout).toMatch(/^cleanup {4}DOES NOT RUN: nobody is in the group outbox-cleanup$/m);
    expect(stdout).toMatch(/^lag .*consumers-example 0 \(cleanup waits for it\).*outbox-cleanup 0 \(nobody is in it\)/m);
  } finally {
    await start('cleanup');
    await untilUp('cleanup');
  }
  const works = /^cleanup {4}works; reconciler /m;
  await waitFor('it works', async () => works.test((await outbox('status')).stdout), 60_000);
});

test('status counts lag without joining a group: it writes nothing to Kafka', { timeout: 120_000 }, async () => {
  const groups = ['consumer', 'actions', 'cleanup'];
  await stop(...groups);
  try {
    await postInTurn(uniqueName('user'), uniqueName('zap'), 3);
    const written = () => withAdmin((admin) => admin.fetchTopicOffsets('__consumer_offsets'));
    await waitFor('the lag is seen', async () => (await outbox('status')).stdout.includes('consumers-example about '));
    // Kafka itself notes there, a while later, that members of other tests' groups are gone.
    await waitFor('nothing is written while status runs', async () => {
      const before = await written();
      expect((await outbox('status')).code).toBe(0);
      return isDeepStrictEqual(await written(), before);
    });
  } finally {
    await start(...groups);
    await untilUp(...groups);
  }
});

test('buried list shows buried rows with their reasons, and requeue publishes them', { timeout: 120_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('connect');
  let ids: string[] = [];
  try {
    ids = await postInTurn(userId, zapId, 3);
    await query(`SELECT outbox_bury($1, 'BY_HAND', 'a test')`, [ids], 'operator');
  } finally {
    await start('connect');
    await untilUp('connect');
  }
  const { stdout } = await outbox('buried', 'list');
  for (const id of ids) expect(stdout).toMatch(new RegExp(`^${id}  ${userId}/${zapId}  \\d+ bytes, .*, BY_HAND: a test$`, 'm'));
  expect(await outbox('buried', 'requeue', ids[0] ?? '')).toMatchObject({ code: 0, stdout: '1 back in the outbox.\n' });
  expect(await outbox('buried', 'requeue', '--all')).toMatchObject({ code: 0, stdout: '2 back in the outbox.\n' });
  expect(await outbox('buried', 'list')).toMatchObject({ code: 0, stdout: 'No row is buried.\n' });
  expect(await outbox('buried', 'requeue', ids[0] ?? '')).toMatchObject({ code: 1 });
  // The WAL still had them, so they may have been published once before the requeue.
  const broughtBack = () => topic.records(`${userId}/${zapId}`).filter(({ headers }) => headers.resends === '1');
  await waitFor('they come again', () => new Set(broughtBack().map(({ headers }) => headers.id)).size === 3, 60_000);
  await untilGone(userId);
});
