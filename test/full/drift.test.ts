import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONNECTOR_NAME } from '../../contract/names.ts';
import { startAudit, type Audit } from '../support/audit.ts';
import { connect, untilRunning } from '../support/connector.ts';
import { connectorConfig, untilFound } from '../support/doctor.ts';
import { startLoad } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { query, start, stop, untilUp } from '../support/stack.ts';
import { readTopic, type TopicReader } from '../support/topic.ts';
import { waitFor } from '../support/wait-for.ts';

// Somebody changes the connector by hand, so that it publishes rows in another form.

let topic: TopicReader;
let audit: Audit;
let original: Readonly<Record<string, string>>;
beforeAll(async () => {
  [topic, audit] = await Promise.all([readTopic(), startAudit()]);
  original = await connectorConfig();
});
afterAll(async () => {
  await connect.put(CONNECTOR_NAME, original);
  await start('watch');
  await untilUp('watch');
  await Promise.all([topic.close(), audit.close()]);
});

test.each([
  ['another key', { 'transforms.outbox.table.field.event.key': 'type' }],
  ['no header type and traceparent', { 'transforms.outbox.table.fields.additional.placement': 'resends:header:resends' }],
])('rows that were published with %s stay, and are sent again once the file is restored', { timeout: 240_000 }, async (_what, change) => {
  await stop('watch');
  await connect.put(CONNECTOR_NAME, { ...original, ...change });
  await untilRunning();
  const accepted = await startLoad(2, 10).done;
  const ids = [...accepted.values()].flat();
  await untilFound('unsafe CONNECTOR_ALTERED');
  await waitFor(
    'the reconciler has sent them again',
    async () => {
      const rows = await query<{ resends: number }>('SELECT resends FROM zap_run_outbox WHERE id = ANY ($1)', [ids]);
      expect(rows).toHaveLength(ids.length);
      return rows.every(({ resends }) => resends > 0);
    },
    60_000,
  );
  await start('watch');
  await untilUp('watch');
  await waitFor(
    'the watchdog puts the file back',
    async () => (await metric('WATCH', 'outbox_watch_repairs_total{rule="CONNECTOR_DRIFT",outcome="done"}')) === 1,
    60_000,
  );
  expect(await connectorConfig()).toEqual(original);
  await audit.expectKept(topic, accepted, 120_000);
  expect(await query('SELECT FROM outbox_dead')).toEqual([]);
});
