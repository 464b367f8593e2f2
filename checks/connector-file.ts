import { readFileSync } from 'node:fs';
import type { ConnectorConfig } from '../kit/connect-api.ts';

/** connect/outbox-connector.json: the expected settings of the connector. */
export const readConnectorFile = (): ConnectorConfig =>
  JSON.parse(readFileSync(new URL('../connect/outbox-connector.json', import.meta.url), 'utf8')) as ConnectorConfig;
