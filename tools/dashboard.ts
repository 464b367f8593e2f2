import { readFileSync, writeFileSync } from 'node:fs';
import { DashboardBuilder, DatasourceVariableBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { format } from 'prettier';

// Grafana's dashboard as code. `npm run generate` writes deploy/grafana/dashboard.json; with --check it only reports a
// stale file.

const SOURCE = { type: 'prometheus', uid: '${datasource}' };
type Query = [expression: string, legend: string];

const panel = (title: string, unit: string, ...queries: Query[]) => {
  const made = new PanelBuilder().title(title).unit(unit).datasource(SOURCE).min(0).span(8).height(7);
  for (const [expression, legend] of queries) made.withTarget(new DataqueryBuilder().expr(expression).legendFormat(legend));
  return made;
};
const p99 = (metric: string) => `histogram_quantile(0.99, sum by (le) (rate(${metric}_bucket[5m])))`;

// The newer builder makes dynamic dashboards, which not every Grafana 12 can provision from a file.
// eslint-disable-next-line @typescript-eslint/no-deprecated
const dashboard = new DashboardBuilder('Webhook outbox')
  .uid('outbox')
  .tags(['outbox'])
  .time({ from: 'now-1h', to: 'now' })
  .refresh('10s')
  .readonly()
  .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
  .withRow(new RowBuilder('Is it well'))
  .withPanel(panel('Parts that answer', 'short', ['sum by (job) (up)', '{{job}}']))
  .withPanel(panel('Oldest waiting event', 's', ['max(outbox_cleanup_oldest_seconds)', 'age']))
  .withPanel(panel('Waiting events', 'short', ['max(outbox_cleanup_depth)', 'rows']))
  .withRow(new RowBuilder('Ingest'))
  .withPanel(panel('Answers', 'reqps', ['sum by (outcome) (rate(outbox_ingest_requests_total[1m]))', '{{outcome}}']))
  .withPanel(
    panel(
      '99 of 100 take at most',
      's',
      [p99('outbox_ingest_request_seconds'), 'request'],
      [p99('outbox_ingest_commit_seconds'), 'commit'],
    ),
  )
  .withPanel(
    panel('Outbox on disk', 'bytes', ['max(outbox_ingest_outbox_bytes)', 'size'], ['sum(outbox_ingest_held_bytes)', 'held in memory']),
  )
  .withRow(new RowBuilder('Connector and cleanup'))
  .withPanel(panel('WAL kept for the slot', 'bytes', ['max(outbox_watch_slot_retained_bytes)', 'WAL']))
  .withPanel(
    panel(
      'Rows that left the outbox',
      'ops',
      ['sum(rate(outbox_cleanup_deleted_total[1m]))', 'deleted'],
      ['sum(rate(outbox_cleanup_resends_total[1m]))', 'sent again'],
      ['sum(rate(outbox_cleanup_buried_total[1m]))', 'buried'],
    ),
  )
  .withPanel(panel('What the watchdog finds', 'short', ['max by (rule) (outbox_watch_alarm)', '{{rule}}']))
  .withRow(new RowBuilder('Consumers and actions'))
  .withPanel(panel('Offsets behind', 'short', ['max by (group) (outbox_cleanup_group_lag)', '{{group}}']))
  .withPanel(panel('Calls', 'reqps', ['sum by (target, answer) (rate(outbox_actions_attempts_total[1m]))', '{{target}} {{answer}}']))
  .withPanel(
    panel(
      'Calls that wait',
      'short',
      ['sum(outbox_actions_waiting)', 'due'],
      ['sum(outbox_actions_retrying)', 'to be tried again'],
      ['sum(outbox_actions_dead_deliveries)', 'given up'],
    ),
  )
  .build();

const path = new URL('../deploy/grafana/dashboard.json', import.meta.url);
const text = await format(JSON.stringify(dashboard), { parser: 'json', printWidth: 140 });
if (!process.argv.includes('--check')) writeFileSync(path, text);
else if (readFileSync(path, 'utf8') !== text) {
  process.stderr.write('deploy/grafana/dashboard.json is stale. Run: npm run generate\n');
  process.exitCode = 1;
}
