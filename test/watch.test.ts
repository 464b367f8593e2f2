import { expect, test } from 'vitest';
import { CONNECTOR_NAME } from '../contract/names.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { connect, connectorStates, deleteConnector, dropSlot, slotIs, untilRunning } from './support/connector.ts';
import { startLoad } from './support/load.ts';
import { metric, metricSum } from './support/metrics.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

auditThisFile();

const repairs = (rule: string) => metric('WATCH', `outbox_watch_repairs_total{rule="${rule}",outcome="done"}`);
const rounds = () => metric('WATCH', 'outbox_watch_rounds_total');
const asAdmin = (sql: string) => query(sql, [], 'postgres');

/** Waits for two further rounds of the watchdog, so that one of them saw the current state. */
async function untilLookedTwice(): Promise<void> {
  const before = await rounds();
  await waitFor('two rounds of the watchdog', async () => (await rounds()) >= before + 2, 30_000);
}

test('a slot that is dropped under load costs no event', { timeout: 180_000 }, async () => {
  const load = startLoad(10, 60);
  await waitFor('200 posts are accepted', () => load.accepted() >= 200, 60_000);
  await dropSlot();
  await audit.expectKept(topic, await load.done);
  await untilRunning();
});

test('a slot that is dropped while Connect is stopped costs no event', { timeout: 180_000 }, async () => {
  await stop('connect');
  const accepted = await startLoad(5, 20).done;
  await dropSlot();
  const later = await startLoad(5, 20).done;
  await start('connect');
  await untilUp('connect');
  await audit.expectKept(topic, new Map([...accepted, ...later]));
});

test('a slot whose WAL was removed is replaced within 30 seconds, not after half an hour', { timeout: 240_000 }, async () => {
  const before = await repairs('SLOT_LOST');
  await stop('connect');
  try {
    await asAdmin(`ALTER SYSTEM SET max_slot_wal_keep_size = '32MB'`);
    await asAdmin('SELECT pg_reload_conf()');
    const accepted = await startLoad(5, 20).done;
    for (let n = 0; n < 5; n += 1) {
      await asAdmin(`SELECT pg_logical_emit_message(false, 'outbox-heartbeat', repeat('x', 16000000))`);
      await asAdmin('SELECT pg_switch_wal()');
    }
    // The watchdog may be faster than this test: its repair proves that the slot was lost.
    await asAdmin('CHECKPOINT');
    await waitFor('the slot is lost', async () => (await slotIs('lost')) || (await repairs('SLOT_LOST')) > before);
    await start('connect');
    await untilUp('connect');
    const began = performance.now();
    await untilRunning(30_000);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await repairs('SLOT_LOST')).toBe(before + 1);
    await audit.expectKept(topic, accepted);
  } finally {
    await asAdmin('ALTER SYSTEM RESET max_slot_wal_keep_size');
    await asAdmin('SELECT pg_reload_conf()');
    await start('connect');
    await untilUp('connect');
  }
});

test('a publication that is dropped under load is restored, and events written meanwhile arrive', { timeout: 240_000 }, async () => {
  const before = await repairs('PUBLICATION_REMADE');
  const load = startLoad(10, 100);
  await waitFor('200 posts are accepted', () => load.accepted() >= 200, 60_000);
  await query('DROP PUBLICATION zap_run_outbox');
  await waitFor('the slot is replaced', async () => (await repairs('PUBLICATION_REMADE')) > before, 60_000);
  const accepted = await load.done;
  await audit.expectKept(topic, accepted);
  await untilRunning();
  expect(await query('SELECT pubname, pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication')).toEqual([
    { pubname: 'zap_run_outbox', pubinsert: true, pubupdate: false, pubdelete: false, pubtruncate: false },
  ]);
});

test('a connector that was deleted under load is registered again', { timeout: 180_000 }, async () => {
  const before = await repairs('CONNECTOR_MISSING');
  const load = startLoad(10, 60);
  await waitFor('200 posts are accepted', () => load.accepted() >= 200, 60_000);
  await deleteConnector();
  await waitFor('it is registered again', async () => (await repairs('CONNECTOR_MISSING')) > before, 60_000);
  await audit.expectKept(topic, await load.done);
});

test('a FAILED task is restarted once its cause is fixed', { timeout: 180_000 }, async () => {
  const before = await repairs('CONNECTOR_FAILED');
  await asAdmin('ALTER ROLE cdc NOLOGIN');
  try {
    await asAdmin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cdc'`);
    await waitFor('the watchdog restarts without success', async () => (await repairs('CONNECTOR_FAILED')) > before, 90_000);
  } finally {
    await asAdmin('ALTER ROLE cdc LOGIN');
  }
  const accepted = await startLoad(2, 10).done;
  await audit.expectKept(topic, accepted);
});

test('a connector that an operator paused stays paused, and one paused and deleted stays away', { timeout: 180_000 }, async () => {
  const repairsBefore = await metricSum('WATCH', 'outbox_watch_repairs_total');
  try {
    await connect.pause(CONNECTOR_NAME);
    await waitFor('the task is paused', async () => (await connectorStates()).join() === 'PAUSED,PAUSED');
    await dropSlot();
    await untilLookedTwice();
    expect(await connectorStates()).toEqual(['PAUSED', 'PAUSED']);

    await query(`UPDATE connector_state SET paused_at = now(), paused_because = 'a test'`, [], 'operator');
    await deleteConnector();
    // Longer than the watchdog waits before it registers a missing connector.
    for (let n = 0; n < 2; n += 1) await untilLookedTwice();
    expect(await connectorStates()).toEqual([]);
    expect(await metric('WATCH', 'outbox_watch_paused')).toBe(1);
    expect(await metricSum('WATCH', 'outbox_watch_repairs_total')).toBe(repairsBefore);
  } finally {
    await query('UPDATE connector_state SET paused_at = NULL, paused_because = NULL', [], 'operator');
  }
  await untilRunning();
  await audit.expectKept(topic, await startLoad(2, 10).done);
});

test('when all is well nothing is restarted, and no group is behind, even with transaction markers', { timeout: 90_000 }, async () => {
  await audit.expectKept(topic, await startLoad(1, 10).done);
  await waitFor('every group stands at the end', async () => (await metricSum('CLEANUP', 'outbox_cleanup_group_lag')) === 0);
  const before = await metricSum('WATCH', 'outbox_watch_repairs_total');
  const [slot] = await query<{ active_pid: number }>('SELECT active_pid FROM pg_replication_slots');
  await untilLookedTwice();
  expect(await metricSum('WATCH', 'outbox_watch_repairs_total')).toBe(before);
  expect(await metricSum('WATCH', 'outbox_watch_alarm')).toBe(0);
  expect(await metricSum('CLEANUP', 'outbox_cleanup_group_lag')).toBe(0);
  // The same reader as before: neither connector nor task was restarted.
  expect(await query('SELECT active_pid FROM pg_replication_slots')).toEqual([slot]);
});
