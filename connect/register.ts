import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { createPrismaClient } from '../prisma/client.ts';
import { CONNECTOR_NAME } from '../contract/names.ts';
import type { ConnectConfig } from './config.ts';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';
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
 * @throws RegisterError, ConnectError with what is wrong and what to do; what was done before it stays, and a next run goes on
 */
export async function register({ config, connector, pool, admin, connect }: RegisterDependencies): Promise<Registered> {
  const findings = await preflight({ pool, admin, connect, connector, cdcUser: config.CDC_DATABASE_USER });
  if (findings.length > 0) {
    const lines = findings.map(({ code, found, remedy }) => `  ${code}: ${found}. ${remedy}`);
    throw new RegisterError('PREFLIGHT_FAILED', `Not ready for the connector:\n${lines.join('\n')}`);
  }
  const topicsCreated = await ensureTopics(admin, topicPlans(config));
  const { schemaId, isNew } = await registerEventSchema(config.REGISTRY_URL, createPrismaClient(pool));
  const connectorChanged = await connect.putIfDifferent(CONNECTOR_NAME, connector);
  await waitUntilRunning(connect, config.REGISTER_TIMEOUT_SECONDS);
  return { topicsCreated, schemaId, schemaStored: isNew, connectorChanged };
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
