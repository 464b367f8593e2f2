import { expect, onTestFinished, test } from 'vitest';
import { CONNECTOR_NAME } from '../contract/names.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { connect, connectorStates, untilRunning } from './support/connector.ts';
import { connectorConfig, untilFound } from './support/doctor.ts';
import { startLoad } from './support/load.ts';
import { metric } from './support/metrics.ts';
import { startWatch } from './support/services.ts';
import { query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

auditThisFile();

// With the connector's own settings nothing in the WAL stops it, so the test takes away what keeps messages out.
test(
  'a connector that runs and gets nowhere is an alarm and a finding within 60 s, and a new slot after two restarts ends it',
  { timeout: 300_000 },
  async () => {
    const original = await connectorConfig();
    await stop('watch');
    const watch = await startWatch({ PUT_BACK: 'false' });
    onTestFinished(async () => {
      await watch.stop();
      await connect.put(CONNECTOR_NAME, original);
      await start('watch');
      await untilUp('watch');
      await untilRunning();
    });
    await connect.put(CONNECTOR_NAME, { ...original, 'message.prefix.exclude.list': 'outbox-heartbeat' });
    const before = await startLoad(2, 20).done;
    await untilRunning();
    await query(`SELECT pg_logical_emit_message(true, 'x', 'y')`, [], 'postgres');
    const began = performance.now();
    const load = startLoad(5, 40);
    await Promise.all([
      waitFor('the alarm is up', async () => (await metric(watch.port, 'outbox_watch_alarm{rule="CONNECTOR_STUCK"}')) === 1, 60_000),
      untilFound('broken CONNECTOR_STUCK', 60_000),
    ]);
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(await connectorStates()).toEqual(['RUNNING', 'RUNNING']);
    await audit.expectKept(topic, new Map([...before, ...(await load.done)]), 180_000);
    expect(await metric(watch.port, 'outbox_watch_repairs_total{rule="CONNECTOR_STUCK",outcome="done"}')).toBe(3);
    await waitFor('the alarm is down', async () => (await metric(watch.port, 'outbox_watch_alarm{rule="CONNECTOR_STUCK"}')) === 0, 60_000);
  },
);
