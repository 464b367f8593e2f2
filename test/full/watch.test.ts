import { expect, onTestFinished, test } from 'vitest';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../../contract/names.ts';
import { audit, auditThisFile, readTopicAgain, topic } from '../support/audited.ts';
import { connect, deleteConnector, slotIs, slowSnapshot, untilRunning } from '../support/connector.ts';
import { asAdmin, connectorConfig } from '../support/doctor.ts';
import { withAdmin } from '../support/kafka.ts';
import { startLoad } from '../support/load.ts';
import { metric, metricSum } from '../support/metrics.ts';
import { register, startWatch } from '../support/services.ts';
import { query, start, stop, untilUp } from '../support/stack.ts';
import { uniqueName } from '../support/names.ts';
import { outbox } from '../support/operate.ts';
import { postInTurn } from '../support/post.ts';
import { waitFor } from '../support/wait-for.ts';

auditThisFile();

// Runs without the watchdog, which would restore the publication within seconds. Somebody re-creates it by hand in the
// end. The slot cannot decode what was written before, and only the oid shows that it is another publication.
test('a publication that is missing for a minute under load and re-created by hand costs no event', { timeout: 420_000 }, async () => {
  await stop('watch');
  const load = startLoad(5, 400);
  try {
    await waitFor('100 posts are accepted', () => load.accepted() >= 100, 60_000);
    await query('DROP PUBLICATION zap_run_outbox');
    const began = performance.now();
    await waitFor('a minute is over', () => performance.now() - began > 60_000, 70_000);
    await query(`CREATE PUBLICATION zap_run_outbox FOR TABLE zap_run_outbox WITH (publish = 'insert')`);
  } finally {
    await start('watch');
    await untilUp('watch');
  }
  await waitFor(
    'the slot is replaced',
    async () => (await metric('WATCH', 'outbox_watch_repairs_total{rule="PUBLICATION_REMADE",outcome="done"}')) === 1,
    60_000,
  );
  await audit.expectKept(topic, await load.done, 180_000);
  await untilRunning();
  expect(await query('SELECT FROM zap_run_outbox')).toEqual([]);
});

test('a snapshot that takes longer than a minute is left alone until it ends', { timeout: 300_000 }, async () => {
  const original = await connectorConfig();
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('cleanup', 'watch');
  try {
    const ids = await postInTurn(userId, zapId, 10);
    await deleteConnector();
    await waitFor('the slot is not read', async () => !(await slotIs('active')));
    await asAdmin(`SELECT pg_drop_replication_slot('zap_run_outbox')`);
    await connect.put(CONNECTOR_NAME, slowSnapshot(original, 9));
    const watch = await startWatch({ PUT_BACK: 'false' });
    onTestFinished(watch.stop);
    const began = performance.now();
    await untilRunning(150_000);
    expect(performance.now() - began).toBeGreaterThan(75_000);
    expect(await metricSum(watch.port, 'outbox_watch_repairs_total')).toBe(0);
    await start('cleanup');
    await audit.expectKept(topic, new Map([[`${userId}/${zapId}`, ids]]));
  } finally {
    await connect.put(CONNECTOR_NAME, original);
    await start('cleanup', 'watch');
    await untilUp('cleanup', 'watch');
  }
  await untilRunning();
});

test(
  'a position that does not move while rows wait is an alarm, and nothing is restarted while the topic is missing',
  { timeout: 420_000 },
  async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const alarm = () => metric('WATCH', 'outbox_watch_alarm{rule="CONNECTOR_STUCK"}');
    const restarts = (outcome: string) => metric('WATCH', `outbox_watch_repairs_total{rule="CONNECTOR_STUCK",outcome="${outcome}"}`);
    const parts = ['consumer', 'actions', 'cleanup'];
    await stop(...parts);
    await topic.close();
    await withAdmin((admin) => admin.deleteTopics({ topics: [EVENT_TOPIC] }));
    let ids: string[] = [];
    try {
      ids = await postInTurn(userId, zapId, 5);
      await waitFor('the alarm is up', async () => (await alarm()) === 1, 240_000);
      await waitFor('it would be restarted', async () => (await restarts('failed')) > 0);
      expect(await restarts('done')).toBe(0);
    } finally {
      await register();
      await readTopicAgain();
      await start(...parts);
      await untilUp(...parts);
    }
    await topic.untilEvents(`${userId}/${zapId}`, 5);
    await waitFor('the alarm is down', async () => (await alarm()) === 0, 60_000);
    expect(await restarts('done')).toBe(0);
    const stopped = async () => (await query<{ stop_code: string | null }>('SELECT stop_code FROM cleanup_state'))[0]?.stop_code;
    await waitFor('cleanup stops', async () => (await stopped()) === 'TOPIC_SHRANK', 60_000);
    expect(await outbox('accept-topic')).toMatchObject({ code: 0 });
    await audit.expectKept(topic, new Map([[`${userId}/${zapId}`, ids]]));
  },
);
