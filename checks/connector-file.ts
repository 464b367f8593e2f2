import { readFileSync } from 'node:fs';
import { ONLY_SHARD, type Shard } from '../contract/shards.ts';
import type { ConnectorConfig } from '../kit/connect-api.ts';

const SELECT = 'snapshot.select.statement.overrides.public.zap_run_outbox';

/** connect/outbox-connector.json: the expected settings of the connector, or of one shard's connector. */
export function readConnectorFile({ slot, publication, label, filter }: Shard = ONLY_SHARD): ConnectorConfig {
  const url = new URL('../connect/outbox-connector.json', import.meta.url);
  const file = JSON.parse(readFileSync(url, 'utf8')) as ConnectorConfig;
  if (filter === undefined) return file;
  return {
    ...file,
    'slot.name': slot,
    'publication.name': publication,
    [SELECT]: file[SELECT]?.replace(' ORDER BY', ` WHERE ${filter} ORDER BY`) ?? '',
    // Without it the metrics of two connectors on one worker have the same name, and the second waits a minute for it.
    'custom.metric.tags': `shard=${label}`,
  };
}
