import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { createPrismaClient } from '../prisma/client.ts';
import { CONNECTOR_NAME, type ConnectConfig } from './config.ts';
import type { ConnectApi, ConnectorConfig } from './connect-api.ts';
import { RegisterError } from './errors.ts';
import { registerEventSchema } from './event-schema.ts';
import { preflight } from './preflight.ts';
import { ensureTopics, topicPlans } from './topics.ts';

export interface RegisterDependencies {
  config: ConnectConfig;
  connector: ConnectorConfig;
  pool: Pool;
  admin: Admin;
  connect: ConnectApi;
}

/** What a run changed; a second run changes nothing. */
export interface Registered {
  topicsCreated: string[];
  schemaId: number;
  schemaStored: boolean;
  connectorChanged: boolean;
}

/**
 * preflight → topics → schema → validate → PUT → wait until connector and task are RUNNING.
 *
 * @throws RegisterError with what is wrong and what to do; what was done before it stays, and a next run goes on
 */
export async function register({ config, connector, pool, admin, connect }: RegisterDependencies): Promise<Registered> {
  const findings = await preflight({ pool, admin, connect, connector, cdcUser: config.CDC_DATABASE_USER });
  if (findings.length > 0) {
    const lines = findings.map(({ code, found, remedy }) => `  ${code}: ${found}. ${remedy}`);
    throw new RegisterError('PREFLIGHT_FAILED', `Not ready for the connector:\n${lines.join('\n')}`);
  }
  const topicsCreated = await ensureTopics(admin, topicPlans(config));
  const { schemaId, isNew } = await registerEventSchema(config.REGISTRY_URL, createPrismaClient(pool));
  const connectorChanged = await putIfDifferent(connect, connector);
  await waitUntilRunning(connect, config.REGISTER_TIMEOUT_SECONDS);
  return { topicsCreated, schemaId, schemaStored: isNew, connectorChanged };
}

/**
 * Puts the configuration in force. A PUT restarts the task even when nothing differs, so it is only made when
 * something does.
 *
 * @returns whether it was made
 * @throws RegisterError CONNECTOR_INVALID
 */
export async function putIfDifferent(connect: ConnectApi, connector: ConnectorConfig): Promise<boolean> {
  const wanted = { ...connector, name: CONNECTOR_NAME };
  const current = await connect.config(CONNECTOR_NAME);
  if (current !== undefined && sameConfig(current, wanted)) return false;
  const faults = await connect.validate(wanted);
  if (faults.length > 0) {
    throw new RegisterError('CONNECTOR_INVALID', `Connect refuses connect/outbox-connector.json:\n  ${faults.join('\n  ')}`);
  }
  await connect.put(CONNECTOR_NAME, wanted);
  return true;
}

function sameConfig(a: ConnectorConfig, b: ConnectorConfig): boolean {
  const keys = Object.keys({ ...a, ...b });
  return keys.every((key) => a[key] === b[key]);
}

async function waitUntilRunning(connect: ConnectApi, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last = 'no status yet';
  while (performance.now() < deadline) {
    const status = await connect.status(CONNECTOR_NAME);
    const parts = status === undefined ? [] : [status.connector, ...status.tasks];
    if (parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')) return;
    if (parts.length > 0) last = parts.map(({ state, trace }) => `${state} ${trace ?? ''}`.trim()).join('\n');
    await delay(100);
  }
  throw new RegisterError(
    'CONNECTOR_NOT_RUNNING',
    `The connector ${CONNECTOR_NAME} is not RUNNING after ${seconds} s (REGISTER_TIMEOUT_SECONDS):\n${last}`,
  );
}
