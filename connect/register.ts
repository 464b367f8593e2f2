import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { Finding } from '../checks/check.ts';
import { readConnectorFile } from '../checks/connector-file.ts';
import { isRunning } from '../checks/connector-status.ts';
import { readShards } from '../checks/state.ts';
import { createPrismaClient } from '../prisma/client.ts';
import { ONLY_SHARD } from '../contract/shards.ts';
import { topicPlans } from '../contract/topics.ts';
import type { ConnectConfig } from './config.ts';
import type { ConnectApi } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { registryService } from '../kit/http-login.ts';
import { ensureTopics } from '../kit/kafka-topics.ts';
import { RegisterError } from './errors.ts';
import { registerEventSchema } from './event-schema.ts';
import { checkTopic, preflight } from './preflight.ts';

export interface RegisterDependencies {
  config: ConnectConfig;
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
 * preflight → topics → schema → validate → PUT → wait until connector and task are RUNNING, the last three for each shard.
 *
 * @throws RegisterError, ConnectError, ConnectionFault with what is wrong and what to do. Completed steps stay, and the next
 *   run continues
 */
export async function register({ config, pool, admin, connect }: RegisterDependencies): Promise<Registered> {
  // A refused login stops the run at once. A worker that does not answer is one of preflight's findings.
  await connect.clusterId().catch((error: unknown) => {
    if (error instanceof ConnectionFault) throw error;
  });
  // Without the migrations nothing is known of shards, and the first check of preflight says so.
  const shards = await readShards(pool).catch(() => [ONLY_SHARD]);
  const shared = { pool, admin, connect, cdcUser: config.CDC_DATABASE_USER, shards };
  const contexts = shards.map((shard) => ({ ...shared, shard, connector: readConnectorFile(shard) }));
  refuse('PREFLIGHT_FAILED', 'Not ready for the connector', onlyOnce((await Promise.all(contexts.map(preflight))).flat()));
  const topicsCreated = await ensureTopics(admin, topicPlans(config));
  refuse(
    'TOPIC_UNSUITABLE',
    'The event topic exists with unsuitable settings',
    onlyOnce((await Promise.all(contexts.map(checkTopic))).flat()),
  );
  const { schemaId, isNew } = await registerEventSchema(registryService(config), createPrismaClient(pool));
  let connectorChanged = false;
  for (const { shard, connector } of contexts)
    connectorChanged = (await connect.putIfDifferent(shard.connector, connector)) || connectorChanged;
  await Promise.all(shards.map((shard) => waitUntilRunning(connect, shard.connector, config.REGISTER_TIMEOUT_SECONDS)));
  return { topicsCreated, schemaId, schemaStored: isNew, connectorChanged };
}

function refuse(code: 'PREFLIGHT_FAILED' | 'TOPIC_UNSUITABLE', what: string, findings: Finding[]): void {
  if (findings.length === 0) return;
  const lines = findings.map((one) => `  ${one.code}: ${one.found}. ${one.remedy}`);
  throw new RegisterError(code, `${what}:\n${lines.join('\n')}`);
}

/** A finding that does not depend on the shard is found for each of them. */
const onlyOnce = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((one) => [`${one.code} ${one.found}`, one])).values(),
];

async function waitUntilRunning(connect: ConnectApi, name: string, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last = 'no status yet';
  while (performance.now() < deadline) {
    const status = await connect.status(name);
    if (isRunning(status)) return;
    const parts = status === undefined ? [] : [status.connector, ...status.tasks];
    if (parts.length > 0) last = parts.map(({ state, trace }) => `${state} ${trace ?? ''}`.trim()).join('\n');
    await delay(100);
  }
  throw new RegisterError(
    'CONNECTOR_NOT_RUNNING',
    `The connector ${name} is not RUNNING after ${seconds} s (REGISTER_TIMEOUT_SECONDS):\n${last}`,
  );
}
