import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { codes } from '../support/doctor.ts';
import { untilNoLag } from '../support/kafka.ts';
import { startLoad } from '../support/load.ts';
import { uniqueName } from '../support/names.ts';
import { outbox } from '../support/operate.ts';
import { post } from '../support/post.ts';
import { migrate, register } from '../support/services.ts';
import { config, query, stack, start, stop, untilUp } from '../support/stack.ts';
import { readTopic, type TopicReader } from '../support/topic.ts';
import { waitFor } from '../support/wait-for.ts';

// The procedures of docs/operations.md, "After the loss of Postgres or Kafka", by their commands.

const SERVICES = ['watch', 'connect', 'cleanup', 'ingest'];
const data = join(config.dir, 'postgres');
const backup = join(config.dir, 'postgres.backup');

let topic: TopicReader;
afterEach(async () => {
  await topic.close();
  rmSync(backup, { recursive: true, force: true });
});

const depth = async () => (await query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run_outbox'))[0]?.n ?? -1;
const untilEmpty = () => waitFor('the outbox is empty', async () => (await depth()) === 0, 120_000);
const runsOf = (ids: string[]) =>
  query(
    `SELECT id, user_id, zap_id, metadata::text AS metadata, headers::text AS headers, received_at, traceparent, schema_id
       FROM zap_run WHERE id = ANY ($1) ORDER BY id`,
    [ids],
  );
/** The embedded stack has one broker and one copy of each service, which the doctor mentions. */
const grave = async () => (await codes()).filter((code) => !code.startsWith('weak '));
const untilHealthy = () => waitFor('the doctor finds nothing grave', async () => (await grave()).length === 0, 120_000);

/** Copies the files of Postgres while it is stopped. */
async function takeBackup(): Promise<void> {
  await stop(...SERVICES, 'postgres');
  execFileSync('cp', ['-a', data, backup]);
  await start('postgres', ...SERVICES);
  await untilUp('postgres', ...SERVICES);
}

describe.runIf(inject('way') === 'embedded')('after the loss of', () => {
  test('Postgres, an older backup and import bring every run back, and everything goes on', { timeout: 600_000 }, async () => {
    topic = await readTopic();
    const before = await startLoad(4, 10).done;
    await untilEmpty();
    // Rows that wait when the backup is made are published and acknowledged after it.
    await stop('consumer');
    const waiting = await startLoad(4, 10).done;
    for (const [key, ids] of waiting) await topic.untilEvents(key, ids.length);
    expect(await depth()).toBe(40);
    const since = new Date().toISOString();
    await takeBackup();
    await start('consumer');
    await untilUp('consumer');
    const after = await startLoad(8, 40).done;
    const [user, zap] = [uniqueName('user'), uniqueName('zap')];
    const odd = await post(user, zap, ' {"a":"\\u0000\\ud800","a":9007199254740993}\n', { 'idempotency-key': 'k', 'x-github-event': 'é' });
    await topic.untilEvents(`${user}/${zap}`, 1);
    await untilEmpty();
    const ids = [...before.values(), ...waiting.values(), ...after.values(), [odd.body.id ?? '']].flat();
    const runs = await runsOf(ids);
    expect(runs).toHaveLength(ids.length);
    const zaps = [...after.keys(), `${user}/${zap}`];

    await stop(...SERVICES, 'postgres');
    rmSync(data, { recursive: true });
    execFileSync('cp', ['-a', backup, data]);
    await start('postgres');
    await untilUp('postgres');
    expect(await runsOf(ids)).toHaveLength(80);
    await query(`SELECT public.outbox_drop_slot() FROM pg_replication_slots WHERE slot_name = 'zap_run_outbox'`, [], 'operator');
    await migrate();
    await start('connect');
    await untilUp('connect');
    await register();
    await start('watch', 'cleanup', 'ingest');
    await untilUp('watch', 'cleanup', 'ingest');
    const lost = after.size * 40 + 1;
    expect(await outbox('import', '--since', since, '--dry-run')).toMatchObject({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringContaining(`: ${lost} runs would be brought back.`) as string,
    });
    expect(await outbox('import', '--since', since)).toMatchObject({
      ...{ code: 0, stderr: '' },
      stdout: expect.stringContaining(`: ${lost} runs are brought back.`) as string,
    });
    expect(await runsOf(ids)).toEqual(runs);
    expect((await outbox('import', '--since', since)).stdout).toContain(': 0 runs are brought back.');
    expect(await runsOf(ids)).toEqual(runs);

    // New webhooks pass at once, with positions in the WAL that were used before. No event of the lost time is repeated.
    const later = await startLoad(4, 20).done;
    for (const [key, posted] of later) {
      const records = await topic.untilEvents(key, posted.length);
      expect([...new Set(records.map(({ headers }) => `${headers.id} ${headers.resends}`))]).toEqual(posted.map((id) => `${id} 0`));
    }
    await untilEmpty();
    for (const key of zaps) expect(topic.records(key)).toHaveLength(key.startsWith(user) ? 1 : 40);
    expect(await outbox('reconcile', '--since', since)).toMatchObject({ code: 0, stdout: '' });
    expect(await query('SELECT stop_code FROM cleanup_state')).toEqual([{ stop_code: null }]);
    await untilHealthy();
    await untilNoLag('outbox-cleanup');
  });

  test(
    'Kafka with all its data, accept-topic and rebuild bring every event back, and everything goes on',
    { timeout: 600_000 },
    async () => {
      topic = await readTopic();
      const since = new Date().toISOString();
      const acknowledged = await startLoad(4, 20).done;
      for (const [key, ids] of acknowledged) await topic.untilEvents(key, ids.length);
      await untilEmpty();
      await stop('consumer');
      const waiting = await startLoad(4, 10).done;
      for (const [key, ids] of waiting) await topic.untilEvents(key, ids.length);
      const values = new Map([...acknowledged, ...waiting].map(([key]) => [key, topic.records(key).map(({ value }) => value)]));
      await topic.close();

      await stack.down();
      expect(existsSync(join(config.dir, 'kafka'))).toBe(true);
      rmSync(join(config.dir, 'kafka'), { recursive: true });
      await stack.up(() => undefined);
      topic = await readTopic();
      const stopped = async () => (await query<{ stop_code: string | null }>('SELECT stop_code FROM cleanup_state'))[0]?.stop_code;
      await waitFor('cleanup stops', async () => (await stopped()) === 'TOPIC_SHRANK', 60_000);
      expect(await outbox('accept-topic')).toMatchObject({ code: 0 });
      // What waits is published again without help.
      for (const [key, ids] of waiting) await topic.untilEvents(key, ids.length, 90_000);
      await untilEmpty();
      for (const key of acknowledged.keys()) expect(topic.records(key)).toEqual([]);
      expect((await outbox('rebuild', '--since', since)).stdout).toContain('120 runs, 120 are sent again.');
      const later = await startLoad(2, 10).done;
      for (const [key, ids] of [...acknowledged, ...waiting, ...later]) {
        const records = await topic.untilEvents(key, ids.length, 90_000);
        expect([...new Set(records.map(({ headers }) => headers.id))]).toEqual(ids);
        const known = values.get(key) ?? records.map(({ value }) => value);
        expect(records.slice(0, ids.length).map(({ value }) => value)).toEqual(known.slice(0, ids.length));
      }
      await untilEmpty();
      expect(await outbox('reconcile', '--since', since)).toMatchObject({ code: 0, stdout: '' });
      await untilHealthy();
    },
  );
});
