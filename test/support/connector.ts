import { CONNECTOR_NAME } from '../../contract/names.ts';
import { ConnectApi, type ConnectorConfig } from '../../kit/connect-api.ts';
import { connectFor } from '../../stack/http-logins.ts';
import { askConnect } from './http.ts';
import { config, query } from './stack.ts';
import { waitFor } from './wait-for.ts';

export const connect = new ConnectApi(connectFor(config));

/** `RUNNING`, `FAILED`… of the connector and its tasks; empty when it is not registered. */
export async function connectorStates(): Promise<string[]> {
  const status = await connect.status(CONNECTOR_NAME);
  return status === undefined ? [] : [status.connector, ...status.tasks].map(({ state }) => state);
}

export async function untilRunning(withinMs = 60_000): Promise<void> {
  await waitFor(
    'the connector reads its slot',
    async () => (await connectorStates()).join() === 'RUNNING,RUNNING' && (await slotIs('active')),
    withinMs,
  );
}

/** The connector's configuration, but that a snapshot takes so long for each row. */
export function slowSnapshot(original: ConnectorConfig, secondsPerRow: number): ConnectorConfig {
  const select = 'snapshot.select.statement.overrides.public.zap_run_outbox';
  // OFFSET: without it Postgres would wait for all rows before it sorts them.
  const slow = `SELECT o.* FROM (${original[select]} OFFSET 0) o WHERE pg_sleep(${secondsPerRow}) IS NOT NULL`;
  return { ...original, [select]: slow, 'snapshot.fetch.size': '1' };
}

export async function deleteConnector(): Promise<void> {
  const response = await askConnect(`/connectors/${CONNECTOR_NAME}`, { method: 'DELETE', signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`DELETE answers ${response.status}: ${await response.text()}`);
}

export async function slotIs(state: 'active' | 'lost' | 'missing'): Promise<boolean> {
  const [slot] = await query<{ active: boolean; wal_status: string }>(
    `SELECT active, wal_status FROM pg_replication_slots WHERE slot_name = 'zap_run_outbox'`,
  );
  if (state === 'missing') return slot === undefined;
  return state === 'active' ? slot?.active === true : slot?.wal_status === 'lost';
}

/** Ends the reader of the slot, and drops the slot before the reader is back. */
export async function dropSlot(): Promise<void> {
  await waitFor('the slot is dropped', async () => {
    await query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'zap_run_outbox'`, [], 'postgres');
    await query(`SELECT pg_drop_replication_slot('zap_run_outbox')`, [], 'postgres');
    return true;
  });
}
