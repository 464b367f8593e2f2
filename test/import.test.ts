import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_SUBJECT, EVENT_TOPIC } from '../contract/names.ts';
import { outcome, rolledBack } from './support/catalog.ts';
import { produce } from './support/consumer.ts';
import { encode, event, eventRecord, registerSchema, schemaId, schemaText } from './support/events.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { post } from './support/post.ts';
import { query } from './support/stack.ts';
import { readTopic, type TopicReader } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

// `outbox import` without a restore: runs are deleted by hand. The restore itself is in test/full.

let topic: TopicReader;
beforeAll(async () => {
  topic = await readTopic();
});
afterAll(() => topic.close());

const bodies = ['{"a":"\\u0000\\ud800"}', '{"a":9007199254740993,"a":[1e400,-0,1.10]}', ' \n{ "b" : 1 }\r\n', '"𝔘𝔫𝔦🦄"', ''];
const runsOf = (userId: string) =>
  query(
    `SELECT id, user_id, zap_id, metadata::text AS metadata, headers::text AS headers, received_at, traceparent, schema_id
       FROM zap_run WHERE user_id = $1 ORDER BY id`,
    [userId],
  );
const waiting = (userId: string) => query('SELECT FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`]);

/** Posts every body to a zap, twice with an idempotency key. Resolves when the events were acknowledged. */
async function acceptAll(): Promise<{ userId: string; zapId: string; ids: string[] }> {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  const ids: string[] = [];
  for (const [n, body] of bodies.entries()) {
    const { status, body: answer } = await post(
      userId,
      zapId,
      body,
      n % 2 === 0 ? { 'idempotency-key': `key-${n}`, 'x-github-event': 'é' } : {},
    );
    expect(status).toBe(200);
    ids.push(answer.id ?? '');
  }
  await topic.untilEvents(`${userId}/${zapId}`, ids.length);
  await waitFor('its rows are gone', async () => (await waiting(userId)).length === 0);
  return { userId, zapId, ids };
}

test(
  'brings back what zap_run lacks with the same bytes, once, and nothing into the outbox; idempotency keys are lost',
  { timeout: 120_000 },
  async () => {
    const since = new Date().toISOString();
    const { userId, zapId, ids } = await acceptAll();
    const before = await runsOf(userId);
    expect((await outbox('replay', '--zap', `${userId}/${zapId}`, '--since', since)).code).toBe(0);
    await waitFor('its events come again', () => topic.records(`${userId}/${zapId}`).length === 2 * ids.length);
    await waitFor('its rows are gone', async () => (await waiting(userId)).length === 0);
    await query('DELETE FROM zap_run WHERE user_id = $1', [userId]);

    const dry = await outbox('import', '--since', since, '--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ events since \S+: 5 runs would be brought back\.\n/) as string,
    });
    expect(await runsOf(userId)).toEqual([]);
    const first = await outbox('import', '--since', since);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: 5 runs are brought back\.\nThey have no idempotency keys/) as string,
    });
    expect(await runsOf(userId)).toEqual(before);
    expect(await outbox('import', '--since', since)).toMatchObject({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringMatching(/: 0 runs are brought back\.\n$/) as string,
    });
    expect(await runsOf(userId)).toEqual(before);
    expect(await waiting(userId)).toEqual([]);
    // Such a run can be sent again like any other.
    expect((await outbox('replay', '--run', ids[0] ?? '')).stdout).toBe('1 runs, 1 are sent again.\n');
    const again = await waitFor('it comes once more', () => topic.records(`${userId}/${zapId}`)[2 * ids.length]);
    expect(again.value).toEqual(topic.records(`${userId}/${zapId}`)[0]?.value);
    // Without its key the same webhook is a new run.
    const repeat = await post(userId, zapId, bodies[0] ?? '', { 'idempotency-key': 'key-0' });
    expect([repeat.status, ids.includes(repeat.body.id ?? '')]).toEqual([200, false]);
  },
);

test(
  'a run with other content than its event is listed and left unchanged; the others are brought back',
  { timeout: 120_000 },
  async () => {
    const since = new Date().toISOString();
    const { userId, ids } = await acceptAll();
    const before = await runsOf(userId);
    const [other = '', missing = ''] = ids;
    const other_metadata = '{"changed":1}';
    await query('UPDATE zap_run SET metadata = $2::json WHERE id = $1', [other, other_metadata]);
    await query('DELETE FROM zap_run WHERE id = $1', [missing]);
    const { code, stdout, stderr } = await outbox('import', '--since', since);
    expect(code).toBe(1);
    expect(stdout).toContain(': 1 runs are brought back.');
    expect(stderr).toBe(`RUN_DIFFERS: 1 runs have other content than their events, and are unchanged: ${other}\n`);
    expect(await runsOf(userId)).toEqual(before.map((run) => (run.id === other ? { ...run, metadata: other_metadata } : run)));
    await query('UPDATE zap_run SET metadata = $2::json WHERE id = $1', [other, bodies[0]]);
    expect(await outbox('import', '--since', since)).toMatchObject({ code: 0, stderr: '' });
  },
);

test(
  'foreign records are ignored, and an event of a schema that event_schema lacks is read by the registry’s',
  { timeout: 120_000 },
  async () => {
    const since = new Date().toISOString();
    const current = await schemaId();
    const schema = JSON.parse(schemaText) as { fields: object[] };
    const wider = JSON.stringify({ ...schema, fields: [...schema.fields, { name: 'region', type: 'string', default: 'eu' }] });
    const other = await registerSchema(uniqueName('subject'), wider);
    const userId = uniqueName('user');
    const [id, foreign] = [randomUUID(), randomUUID()];
    try {
      await produce(EVENT_TOPIC, [
        { ...eventRecord(current, foreign), headers: { id: foreign, type: 'Other', resends: '0' } },
        {
          key: `${userId}/z`,
          value: encode(other, event(id, { userId, region: 'eu' }), wider),
          headers: { id, type: 'ZapRunCreated', resends: '0' },
        },
      ]);
      const { code, stdout, stderr } = await outbox('import', '--since', since);
      expect([code, stdout]).toEqual([0, expect.stringContaining(': 1 runs are brought back.')]);
      expect(stderr).toMatch(
        /^1 records are not from the outbox and were ignored: partition \d, offset \d+: its header type is not ZapRunCreated\n$/,
      );
      expect(await runsOf(userId)).toMatchObject([{ id, zap_id: 'z', metadata: '{}', headers: '{}', schema_id: other, traceparent: null }]);
      expect(await query('SELECT subject FROM event_schema WHERE schema_id = $1', [other])).toEqual([{ subject: EVENT_SUBJECT }]);
      expect((await outbox('replay', '--run', id)).stdout).toBe('1 runs, 1 are sent again.\n');
      await waitFor('the same bytes come again', () => {
        const records = topic.records(`${userId}/z`);
        return records.length === 2 && records[0]?.value.equals(records[1]?.value ?? Buffer.of());
      });
      await waitFor('its row is gone', async () => (await waiting(userId)).length === 0);
    } finally {
      await query('DELETE FROM zap_run WHERE user_id = $1', [userId]);
      await query('DELETE FROM event_schema WHERE schema_id = $1', [other]);
    }
  },
);

describe('outbox_import_runs', () => {
  const call = `SELECT outbox_import_runs(ARRAY['${randomUUID()}'::uuid], ARRAY['u'], ARRAY['z'], ARRAY['1'], ARRAY['{}'], ARRAY[now()], ARRAY['t'], ARRAY[1])`;

  test.each(['ingest', 'cdc', 'cleanup', 'operator', 'actions'] as const)('is for the operator alone: %s', async (login) => {
    expect(await rolledBack(login, (client) => outcome(client, call))).toBe(login === 'operator' ? 'accepted' : '42501');
  });

  test('does not let the operator change a run or delete one', async () => {
    await rolledBack('operator', async (client) => {
      expect(await outcome(client, `UPDATE zap_run SET metadata = '1'`)).toBe('42501');
      expect(await outcome(client, 'DELETE FROM zap_run')).toBe('42501');
      expect(await outcome(client, call.replace(`ARRAY['u']`, `ARRAY['u/v']`))).toBe('23514 zap_run_user_id_check');
    });
  });
});
