import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { Finding } from '../checks/check.ts';
import { isRunning } from '../checks/connector-status.ts';
import { createPrismaClient } from '../prisma/client.ts';
import { CONNECTOR_NAME } from '../contract/names.ts';
import { topicPlans } from '../contract/topics.ts';
import type { ConnectConfig } from './config.ts';
import type { ConnectApi, ConnectorConfig } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { registryService } from '../kit/http-login.ts';
import { ensureTopics } from '../kit/kafka-topics.ts';
import { RegisterError } from './errors.ts';
import { registerEventSchema } from './event-schema.ts';
import { checkTopic, preflight } from './preflight.ts';

export interface RegisterDependencies {
  config: ConnectConfig;
  connector: ConnectorConfig;
  pool: Pool;
  admin: Admin;
  connect: ConnectApi;
}

/** What a run changed. A second run changes nothing. */
export interface Registered {
  topicsCreated: string[];
  schemaId: number;
  schemaStored: boolean;
  connectorChanged: boolean;
}

/**
 * preflight → topics → schema → validate → PUT → wait until connector and task are RUNNING.
 *
 * @throws RegisterError, ConnectError, ConnectionFault with what is wrong and what to do. Completed steps stay, and the next
 *   run continues
 */
export async function register({ config, connector, pool, admin, connect }: RegisterDependencies): Promise<Registered> {
  const context = { pool, admin, connect, connector, cdcUser: config.CDC_DATABASE_USER };
  // A refused login stops the run at once. A worker that does not answer is one of preflight's findings.
  await connect.clusterId().catch((error: unknown) => {
    if (error instanceof ConnectionFault) throw error;
  });
  refuse('PREFLIGHT_FAILED', 'Not ready for the connector', await preflight(context));
  const topicsCreated = await ensureTopics(admin, topicPlans(config));
  refuse('TOPIC_UNSUITABLE', 'The event topic exists with unsuitable settings', await checkTopic(context));
  const { schemaId, isNew } = await registerEventSchema(registryService(config), createPrismaClient(pool));
  const connectorChanged = await connect.putIfDifferent(CONNECTOR_NAME, connector);
  await waitUntilRunning(connect, config.REGISTER_TIMEOUT_SECONDS);
  return { topicsCreated, schemaId, schemaStored: isNew, connectorChanged };
}

function refuse(code: 'PREFLIGHT_FAILED' | 'TOPIC_UNSUITABLE', what: string, findings: Finding[]): void {
  if (findings.length === 0) return;
  const lines = findings.map((one) => `  ${one.code}: ${one.found}. ${one.remedy}`);
  throw new RegisterError(code, `${what}:\n${lines.join('\n')}`);
}

async function waitUntilRunning(connect: ConnectApi, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last = 'no status yet';
  while (performance.now() < deadline) {
    const status = await connect.status(CONNECTOR_NAME);
    if (isRunning(status)) return;
    const parts = status === undefined ? [] : [status.connector, ...status.tasks];
    if (parts.length > 0) last = parts.map(({ state, trace }) => `${state} ${trace ?? ''}`.trim()).join('\n');
    await delay(100);
  }
  throw new RegisterError(
    'CONNECTOR_NOT_RUNNING',
    `The connector ${CONNECTOR_NAME} is not RUNNING after ${seconds} s (REGISTER_TIMEOUT_SECONDS):\n${last}`,
  );
}
