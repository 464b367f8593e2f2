import { expect, inject, onTestFinished, test } from 'vitest';
import type { AclEntry } from 'kafkajs';
import { CONNECTOR_NAME } from '../contract/names.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { aclOf, changeAcls } from '../kit/kafka-acls.ts';
import { audit, auditThisFile, topic } from './support/audited.ts';
import { connect, connectorStates, untilRunning } from './support/connector.ts';
import { connectorConfig, untilFound } from './support/doctor.ts';
import { withAdmin } from './support/kafka.ts';
import { startLoad } from './support/load.ts';
import { metric } from './support/metrics.ts';
import { startWatch } from './support/services.ts';
import { part, query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

auditThisFile();

/** The topic to which Debezium sends a logical message. It is never created, and the connector's login may not write to it. */
const MESSAGE_TOPIC = 'outbox.message';
const mayWrite: AclEntry = aclOf({ service: 'connect', resource: 'TOPIC', name: MESSAGE_TOPIC, prefixed: false, operation: 'WRITE' });

/** With the connector's own settings nothing in the WAL stops it, so the test removes the filter of messages. */
async function stopAtAMessage(original: ConnectorConfig): Promise<void> {
  const reader = async () => (await query<{ pid: number | null }>('SELECT active_pid AS pid FROM pg_replication_slots'))[0]?.pid ?? null;
  const before = await reader();
  await connect.put(CONNECTOR_NAME, { ...original, 'message.prefix.exclude.list': 'outbox-heartbeat' });
  // Until then the task runs with the settings of before, and would drop the message.
  await waitFor('the slot has another reader', async () => ![before, null].includes(await reader()));
  await untilRunning();
  await query(`SELECT pg_logical_emit_message(true, 'x', 'y')`, [], 'postgres');
}

const alarm = (port: number, rule: string) => metric(port, `outbox_watch_alarm{rule="${rule}"}`);

// A producer that may write to a missing topic waits endlessly; one that may not write fails at once.
test.each<[string, string, AclEntry[], string[]]>([
  ['runs and gets nowhere', 'CONNECTOR_STUCK', [mayWrite], ['RUNNING', 'RUNNING']],
  ['fails at the same place again and again', 'CONNECTOR_FAILED', [], ['RUNNING', 'FAILED']],
])(
  'a connector that %s is an alarm and a finding within 60 s, and a new slot after two restarts ends it: %s',
  { timeout: 300_000 },
  async (_what, rule, acls, states) => {
    const original = await connectorConfig();
    await stop('watch');
    const watch = await startWatch({ PUT_BACK: 'false' });
    onTestFinished(async () => {
      await watch.stop();
      await connect.put(CONNECTOR_NAME, original);
      await start('watch');
      await untilUp('watch');
      await untilRunning();
      await withAdmin((admin) => changeAcls(admin, [], acls));
    });
    await withAdmin((admin) => changeAcls(admin, acls, []));
    const before = await startLoad(2, 20).done;
    await stopAtAMessage(original);
    const began = performance.now();
    const load = startLoad(5, 40);
    await Promise.all([
      waitFor('the alarm is up', async () => (await alarm(watch.port, rule)) === 1, 60_000),
      untilFound(`broken ${rule}`, 60_000),
      waitFor('its states are those of the fault', async () => (await connectorStates()).join() === states.join(), 60_000),
    ]);
    expect(performance.now() - began).toBeLessThan(60_000);
    await audit.expectKept(topic, new Map([...before, ...(await load.done)]), 180_000);
    expect(await metric(watch.port, `outbox_watch_repairs_total{rule="${rule}",outcome="done"}`)).toBe(3);
    await waitFor('the alarm is down', async () => (await alarm(watch.port, rule)) === 0, 60_000);
  },
);

test.runIf(inject('way') === 'embedded')(
  'a worker that is frozen is started again within two minutes, and nothing is lost',
  { timeout: 300_000 },
  async () => {
    const { pid = 0 } = await part('connect');
    process.kill(pid, 'SIGSTOP');
    onTestFinished(async () => {
      await untilUp('connect');
      await untilRunning();
    });
    const accepted = await startLoad(3, 20).done;
    await waitFor('another worker runs', async () => ![pid, undefined].includes((await part('connect')).pid), 120_000);
    await audit.expectKept(topic, accepted, 120_000);
  },
);
