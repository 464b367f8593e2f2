import { Command } from '@commander-js/extra-typings';
import { RECONCILE_EVERY_MS } from '../contract/limits.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { ConnectApi, type ConnectorStatus } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import type { ConnectSettings } from '../kit/http-login.ts';
import type { KafkaSettings } from '../kit/kafka-settings.ts';
import type { Config } from './config.ts';
import { withAdmin } from './kafka.ts';
import { consumerGroups, readLag } from './lag.ts';
import { readOutbox } from '../checks/outbox.ts';
import {
  describePause,
  readCleanupState,
  readConnectorState,
  readShards,
  readSlot,
  type CleanupState,
  type Slot,
} from '../checks/state.ts';
import { withPostgres } from './postgres.ts';
import { bytes } from './units.ts';
import type { Run } from './verb.ts';

type StatusConfig = Pick<Config, 'DATABASE_URL' | 'ACK_GROUPS' | 'CLEANUP_GROUP'> & ConnectSettings & KafkaSettings;

/** A source that takes longer reports that in its line, and does not delay the others. */
const STATEMENT_TIMEOUT_MS = 5000;

export const status = (run: Run) =>
  new Command('status').description('the outbox, the slot, the connector, cleanup, and how far each consumer group is behind').action(() =>
    run(async (config, { say }) => {
      say((await describePipeline(config)).join('\n'));
      return 0;
    }),
  );

/** One line per fact. A source that does not answer is a line too, with the reason. */
async function describePipeline(config: StatusConfig): Promise<string[]> {
  return Promise.all([
    fact('outbox', () => outbox(config)),
    fact('slot', () => slot(config)),
    fact('connector', () => connector(config)),
    fact('cleanup', () => cleanup(config)),
    fact('lag', () => lag(config)),
  ]);
}

async function fact(name: string, read: () => Promise<string>): Promise<string> {
  const text = await read().catch((error: unknown) => {
    const code = error instanceof ConnectionFault ? `${error.code}: ` : '';
    return `unknown: ${code}${error instanceof Error ? error.message : String(error)}`;
  });
  return `${name.padEnd(10)} ${text}`;
}

const withDatabase = <T>({ DATABASE_URL }: StatusConfig, use: Parameters<typeof withPostgres<T>>[1]) =>
  withPostgres(DATABASE_URL, use, { connections: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });

async function outbox(config: StatusConfig): Promise<string> {
  const found = await withDatabase(config, readOutbox);
  const waiting = `${found.exact ? '' : 'about '}${found.rows} rows wait to be acknowledged`;
  const oldest = found.oldest === undefined ? '' : `, the oldest for ${Math.round(found.oldest.ageSeconds)} s`;
  const buried = found.buried === 0 ? '' : `; ${found.buriedExact ? '' : 'at least '}${found.buried} are buried: outbox buried list`;
  return `${waiting}${oldest}${buried}`;
}

async function slot(config: StatusConfig): Promise<string> {
  return withDatabase(config, async (pool) => {
    const shards = await readShards(pool);
    const lines = shards.map(async ({ slot: name }) => describeSlot(name, await readSlot(pool, name), shards.length > 1));
    return (await Promise.all(lines)).join('; ');
  });
}

function describeSlot(name: string, found: Slot | undefined, isOneOfSeveral: boolean): string {
  if (found === undefined) return isOneOfSeveral ? `${name} missing` : 'missing';
  return `${name} ${found.active ? 'active' : 'not active'}, WAL ${found.walStatus}, ${bytes(found.behindBytes)} behind`;
}

async function connector(config: StatusConfig): Promise<string> {
  const [shards, { paused: by }] = await withDatabase(config, (pool) => Promise.all([readShards(pool), readConnectorState(pool)]));
  const connect = new ConnectApi(config);
  const states = await Promise.all(shards.map(async ({ connector: name }) => ({ name, found: await connect.status(name) })));
  const paused = by === undefined ? '' : `; ${describePause(by)}`;
  return `${states.map(({ name, found }) => describeConnector(name, found, shards.length > 1)).join('; ')}${paused}`;
}

function describeConnector(name: string, found: ConnectorStatus | undefined, isOneOfSeveral: boolean): string {
  if (found === undefined) return isOneOfSeveral ? `${name} not registered` : 'not registered';
  const tasks = found.tasks.map(({ id, state: is }) => `task ${id} ${is}`).join(', ') || 'no task';
  return `${name} ${found.connector.state}, ${tasks}`;
}

async function cleanup(config: StatusConfig): Promise<string> {
  const [state, members] = await Promise.all([
    withDatabase(config, (pool) => readCleanupState(pool, EVENT_TOPIC)),
    // Only the members of its group tell whether it runs; its stored state outlives it.
    withAdmin(config, (admin) => admin.describeGroups([config.CLEANUP_GROUP])).then(
      ({ groups }) => groups[0]?.members.length ?? 0,
      () => undefined,
    ),
  ]);
  return describeCleanup(state, members, config.CLEANUP_GROUP);
}

/** @param members of its group; undefined when Kafka does not answer */
export function describeCleanup(state: CleanupState | undefined, members: number | undefined, group: string): string {
  const stopped = state?.stop === undefined ? [] : [`STOPPED ${state.stop.code}: ${state.stop.detail}`];
  if (members === 0) return [...stopped, `DOES NOT RUN: nobody is in the group ${group}`].join('; ');
  if (state === undefined) return 'has not begun';
  const works = members === undefined ? 'cannot be seen without Kafka' : 'works';
  return [...(stopped.length > 0 ? stopped : [works]), `reconciler ${describeReconciler(state.reconciler)}`].join('; ');
}

function describeReconciler({ code, text, seconds }: CleanupState['reconciler']): string {
  if (code !== 'NOT_STARTED') return text;
  const left = RECONCILE_EVERY_MS / 1000 - seconds;
  return left >= 0 ? `starts its first round within ${left} s` : `has had no round for ${seconds} s: make logs PART=cleanup`;
}

async function lag(config: StatusConfig): Promise<string> {
  return withAdmin(config, async (admin) => {
    const groups = await consumerGroups(admin);
    const lags = await readLag(admin, EVENT_TOPIC, groups);
    const { groups: described } = await admin.describeGroups(groups);
    const empty = new Set(described.filter(({ members }) => members.length === 0).map(({ groupId }) => groupId));
    const lines = lags.map(({ group, records, exact }) => {
      const notes = [config.ACK_GROUPS.includes(group) ? 'cleanup waits for it' : '', empty.has(group) ? 'nobody is in it' : ''].filter(
        Boolean,
      );
      return `${group} ${exact ? '' : 'about '}${records}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
    });
    return lines.join(', ') || 'no groups';
  });
}
