import { afterAll, expect, test } from 'vitest';
import { shardsOf, type Shard } from '../contract/shards.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { connect } from './support/connector.ts';
import { startLoad } from './support/load.ts';
import { metric } from './support/metrics.ts';
import { outbox } from './support/operate.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Several connectors publish one outbox. `expectKept` holds for each zap that nothing is lost, the first occurrences are in
// order, and every row is deleted.

auditThisFile();
afterAll(async () => {
  await start('watch');
  expect(await outbox('reshard', '1')).toMatchObject({ code: 0 });
});

interface SlotRow {
  slot_name: string;
  active_pid: number | null;
}
const slots = () => query<SlotRow>('SELECT slot_name, active_pid FROM pg_replication_slots ORDER BY 1');
const asAdmin = (sql: string, values: unknown[] = []) => query(sql, values, 'postgres');

async function runsOn(shards: readonly Shard[]): Promise<boolean> {
  const rows = await slots();
  const isRead = ({ slot }: Shard) => rows.some((row) => row.slot_name === slot && row.active_pid !== null);
  return rows.length === shards.length && shards.every(isRead);
}
const untilRunsOn = (count: number) => waitFor(`${count} shards are read`, () => runsOn(shardsOf(count)), 60_000);

async function reshard(count: number): Promise<void> {
  expect(await outbox('reshard', String(count))).toMatchObject({ code: 0, stderr: '' });
}

test('one shard becomes three under load: nothing is lost, the order is kept, and status shows each', { timeout: 180_000 }, async () => {
  const load = startLoad(20, 60);
  await waitFor('300 posts are accepted', () => load.accepted() >= 300, 60_000);
  await reshard(3);
  await untilRunsOn(3);
  await audit.expectKept(topic, await load.done);
  expect((await connect.names()).sort()).toEqual(shardsOf(3).map(({ connector }) => connector));
  const { stdout } = await outbox('status');
  for (const { slot, connector } of shardsOf(3)) {
    expect(stdout).toContain(`${slot} active`);
    expect(stdout).toContain(`${connector} RUNNING, task 0 RUNNING`);
  }
  expect(await outbox('doctor')).toMatchObject({ stdout: expect.not.stringContaining('shard') as string });
});

test('a shard whose slot is dropped and whose connector is deleted is repaired, and the others go on', { timeout: 180_000 }, async () => {
  const [first, second, third] = shardsOf(3) as [Shard, Shard, Shard];
  const before = await slots();
  const load = startLoad(20, 60);
  await waitFor('300 posts are accepted', () => load.accepted() >= 300, 60_000);
  await connect.remove(second.connector);
  await waitFor('its slot is dropped', async () => {
    await asAdmin('SELECT pg_drop_replication_slot($1)', [second.slot]);
    return true;
  });
  const repairs = () => metric('WATCH', 'outbox_watch_repairs_total{rule="CONNECTOR_MISSING",outcome="done"}');
  await waitFor('the watchdog registers it', async () => (await repairs()) > 0, 60_000);
  await untilRunsOn(3);
  await audit.expectKept(topic, await load.done);
  const others = (rows: SlotRow[]) => rows.filter(({ slot_name: name }) => [first.slot, third.slot].includes(name));
  expect(others(await slots())).toEqual(others(before));
});

test('the doctor finds a publication that has other rows than those of its shard, and the watchdog restores it', async () => {
  const [first] = shardsOf(3) as [Shard];
  await stop('watch');
  await query(`ALTER PUBLICATION ${first.publication} SET TABLE zap_run_outbox`);
  expect((await outbox('doctor')).stdout).toContain('shard 1of3: publication zap_run_outbox_1of3 publishes other rows');
  await start('watch');
  await untilUp('watch');
  await waitFor('it is restored', async () => !(await outbox('doctor')).stdout.includes('publishes other rows'), 60_000);
});

test(
  'the number changes under a backlog while publishing is paused: nothing is lost, the order is kept',
  { timeout: 180_000 },
  async () => {
    expect(await outbox('pause')).toMatchObject({ code: 0 });
    const accepted = await startLoad(20, 40).done;
    await reshard(2);
    // A slot that nobody asked for, as an interrupted change would leave it.
    await asAdmin(`SELECT pg_create_logical_replication_slot('zap_run_outbox_2of3', 'pgoutput')`);
    expect((await outbox('doctor')).stdout).toMatch(/SHARDS_LEFT[^]*zap_run_outbox_2of3/);
    await reshard(2);
    expect(await outbox('resume')).toMatchObject({ code: 0 });
    await untilRunsOn(2);
    await audit.expectKept(topic, accepted);
  },
);

test('back to one: the names are those of before, and an event is published as before', { timeout: 120_000 }, async () => {
  const load = startLoad(10, 30);
  await waitFor('100 posts are accepted', () => load.accepted() >= 100, 60_000);
  await reshard(1);
  await untilRunsOn(1);
  await audit.expectKept(topic, await load.done);
  expect(await query('SELECT pubname FROM pg_publication')).toEqual([{ pubname: 'zap_run_outbox' }]);
  expect(await query('SELECT connector FROM connector_state')).toEqual([{ connector: 'zap-run-outbox' }]);
});
