import { gravestFirst, runChecks, type Check, type Finding, type System } from '../checks/check.ts';
import { configuration } from '../checks/configuration.ts';
import { connectorChecks, workerChecks } from '../checks/connector.ts';
import { kafkaGrantMissing } from '../checks/grants.ts';
import { kafkaChecks } from '../checks/kafka.ts';
import { kafkaQuota } from '../checks/quotas.ts';
import { postgresChecks, publication } from '../checks/postgres.ts';
import { askRegistry, registryChecks } from '../checks/registry.ts';
import { allSlotsChecks, slotChecks } from '../checks/slot.ts';
import { walHeld } from '../checks/wal.ts';
import { readConnectorFile } from '../checks/connector-file.ts';
import { readShards } from '../checks/state.ts';
import { ONLY_SHARD, type Shard } from '../contract/shards.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { registryService } from '../kit/http-login.ts';
import { readClientQuotas } from '../kit/kafka-quotas.ts';
import type { Config } from './config.ts';
import { withAdmin } from './kafka.ts';
import { withPostgres } from './postgres.ts';
import { groupChecks, type DoctorContext } from '../checks/groups.ts';

/** Made for each shard. */
const shardChecks: readonly Check<DoctorContext>[] = [publication, ...slotChecks, ...connectorChecks, ...configuration];

/** All checks of the doctor. */
export const checks: readonly Check<DoctorContext>[] = [
  ...[...postgresChecks, ...allSlotsChecks, walHeld, ...workerChecks, ...shardChecks],
  ...[...kafkaChecks, kafkaGrantMissing, kafkaQuota, ...registryChecks, ...groupChecks],
];

/** A system that does not answer is one finding, which replaces the findings of the checks that need it. */
const unreachable: Record<System, Pick<Finding, 'code' | 'grade' | 'why'>> = {
  postgres: { code: 'POSTGRES_UNREACHABLE', grade: 'broken', why: 'Ingest answers 503 without it, and nothing is published.' },
  kafka: { code: 'KAFKA_UNREACHABLE', grade: 'broken', why: 'Nothing is published and nothing is read; rows wait in the outbox.' },
  connect: { code: 'CONNECT_UNREACHABLE', grade: 'broken', why: 'Nothing is published; rows wait in the outbox.' },
  registry: { code: 'REGISTRY_UNREACHABLE', grade: 'broken', why: 'A consumer that starts cannot decode events. Publishing continues.' },
};

/** The findings about systems that do not answer, without the reason. */
export const systemFindings = Object.values(unreachable);

/** @param reason the error of the attempt */
export function unreachableFinding(system: System, reason: Error): Finding {
  const finding = { ...unreachable[system], found: reason.message };
  const fault = reason instanceof ConnectionFault ? reason : reason.cause;
  if (fault instanceof ConnectionFault && fault.code !== finding.code)
    return { ...finding, code: fault.code, found: fault.message, remedy: `${fault.remedy}.` };
  return { ...finding, remedy: `Start it, or correct its address (docs/settings.md, "${system}").` };
}

/** Runs every check that can be run. @returns the findings, the gravest first */
export async function diagnose(config: Config): Promise<Finding[]> {
  const connect = new ConnectApi(config);
  const context = {
    connect,
    cdcUser: config.CDC_DATABASE_USER,
    registry: registryService(config),
    ackGroups: config.ACK_GROUPS,
    cleanupGroup: config.CLEANUP_GROUP,
    rowAgeSeconds: config.ROW_AGE_SECONDS,
    clientQuotas: () => readClientQuotas(config),
  };
  const silent = new Map<System, Error>();
  const ask = async (system: System, asked: Promise<unknown>) => {
    await asked.catch((error: unknown) => silent.set(system, asError(error)));
  };
  const others = [ask('connect', connect.clusterId()), ask('registry', askRegistry(context.registry, '/subjects'))];
  const openPool = (use: (pool: DoctorContext['pool']) => Promise<Finding[]>) => withPostgres(config.DATABASE_URL, use, BOUNDS);
  const openAdmin = (use: (admin: DoctorContext['admin']) => Promise<Finding[]>) => withAdmin(config, use);
  const findings = await opened('postgres', silent, openPool, (pool) =>
    opened('kafka', silent, openAdmin, async (admin) => {
      await Promise.all(others);
      // Without Kafka, Connect answers but does not know its connectors.
      const away = (system: System) => silent.has(system) || (system === 'connect' && silent.has('kafka'));
      const possible = checks.filter(({ needs }) => !needs.some(away));
      const shards = silent.has('postgres') ? [ONLY_SHARD] : await readShards(pool).catch(() => [ONLY_SHARD]);
      return runForShards(possible, shards, { ...context, pool, admin, shards });
    }),
  );
  const unreached = [...silent].map(([system, reason]) => unreachableFinding(system, reason));
  return gravestFirst([...unreached, ...findings]);
}

/** Runs the checks of a shard for each of them. A finding names its shard, if there are several. */
async function runForShards(
  possible: readonly Check<DoctorContext>[],
  shards: readonly Shard[],
  shared: Omit<DoctorContext, 'shard' | 'connector'>,
): Promise<Finding[]> {
  const found = shards.map(async (shard, index) => {
    const own = possible.filter((one) => index === 0 || shardChecks.includes(one));
    const findings = await runChecks(own, { ...shared, shard, connector: readConnectorFile(shard) });
    if (shard.label === undefined) return findings;
    const codes = new Set(shardChecks.map(({ code }) => code));
    return findings.map((one) => (codes.has(one.code) ? { ...one, found: `shard ${shard.label}: ${one.found}` } : one));
  });
  return (await Promise.all(found)).flat();
}

/** Two connections: a statement that waits for a lock must not block all others. */
const BOUNDS = { connections: 2, statementTimeoutMs: 5000 };

/** Runs `use` with what `open` opens. When it cannot be opened, the reason is stored and `use` gets undefined. */
async function opened<T>(
  system: System,
  silent: Map<System, Error>,
  open: (use: (what: T) => Promise<Finding[]>) => Promise<Finding[]>,
  use: (what: T) => Promise<Finding[]>,
): Promise<Finding[]> {
  const reached = { open: false };
  try {
    return await open((what) => {
      reached.open = true;
      return use(what);
    });
  } catch (error) {
    if (reached.open) throw error;
    silent.set(system, asError(error));
    return use(undefined as never);
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
