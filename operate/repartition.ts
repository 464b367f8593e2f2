import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { isPaused } from '../checks/connector-status.ts';
import { readCleanupStop, readConnectorState, readShards } from '../checks/state.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { topicOffsets } from '../kit/kafka-admin.ts';
import { forgetTopic } from './accept-topic.ts';
import { duration } from './arguments.ts';
import type { Config } from './config.ts';
import { withAdmin } from './kafka.ts';
import { consumerGroups, readLag } from './lag.ts';
import { pausing, resuming } from './pause.ts';
import { withPostgres } from './postgres.ts';
import { OperateError, type Output, type Run, type Work } from './verb.ts';

// Adding partitions moves zaps to other partitions. The order is kept only if no event waits on the topic meanwhile.

/** How often the state is polled. */
const EVERY_MS = 500;
/** The topic must be unchanged this many times in a row: records that Connect sent before the pause may still arrive. */
const QUIET = 6;
/** Deadline for Kafka and Connect to carry out a change, which takes seconds. */
const STEP_WITHIN_MS = 60_000;

export const repartition = (run: Run) =>
  new Command('repartition')
    .description('adds partitions to the event topic and keeps the order: pauses, waits until everything is read, adds them, resumes')
    .argument('<count>', 'the new number of partitions', partitionCount)
    .option('--within <duration>', 'how long to wait until everything is read; 10m by default', duration)
    .action((count, { within = 600_000 }) => run(repartitioning(count, within)));

function partitionCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a number of partitions, 1 to 9999.');
  return Number(text);
}

/** @param withinMs deadline; nothing is changed while events wait on the topic */
const repartitioning =
  (count: number, withinMs: number): Work =>
  (config, output) =>
    withPostgres(config.DATABASE_URL, (pool) =>
      withAdmin(config, (admin) => repartitionTopic(count, withinMs, { config, output, pool, admin })),
    );

interface Hands {
  config: Config;
  output: Output;
  pool: Pool;
  admin: Admin;
}

/** @throws OperateError PARTITIONS_NOT_MORE, CLEANUP_STOPPED, NOT_PAUSED or NOT_DRAINED: then nothing was changed */
async function repartitionTopic(count: number, withinMs: number, hands: Hands): Promise<number> {
  const { config, output, pool, admin } = hands;
  const before = (await topicOffsets(admin, EVENT_TOPIC)).ends.size;
  if (count <= before)
    throw new OperateError(
      'PARTITIONS_NOT_MORE',
      `${EVENT_TOPIC} has ${before} partitions. Kafka can only add partitions: give a larger number.`,
    );
  const stop = await readCleanupStop(pool, EVENT_TOPIC);
  if (stop !== undefined)
    throw new OperateError('CLEANUP_STOPPED', `Cleanup has stopped with ${stop.code}. Once you know the cause, run accept-topic first.`);
  const connectors = (await readShards(pool)).map(({ connector }) => connector);
  const wasPaused = (await readConnectorState(pool)).paused !== undefined;
  const connect = new ConnectApi(config);
  if (!wasPaused) await pausing(`partitions of ${EVENT_TOPIC}: ${before} to ${count}`)(config, output);
  try {
    await untilPaused(connect, connectors);
    await untilDrained(hands, withinMs);
    await admin.createPartitions({ topicPartitions: [{ topic: EVENT_TOPIC, count }] });
    output.say(`${EVENT_TOPIC} has ${count} partitions.`);
    await untilAccepted(hands, count);
    // Without a restart the producer would use the old partitions for minutes, and split zaps over two of them.
    for (const connector of connectors) await connect.restart(connector, false);
    await untilPaused(connect, connectors);
  } finally {
    if (!wasPaused) await resuming(config, output);
  }
  if (wasPaused) output.say('The connector was paused before and still is: npm run outbox -- resume');
  output.say('Consumers see new partitions within their metadata.max.age, five minutes by default, or after a restart.');
  return 0;
}

async function until(condition: () => Promise<boolean>, withinMs: number, fault: () => OperateError): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw fault();
    await delay(EVERY_MS);
  }
}

async function untilPaused(connect: ConnectApi, connectors: readonly string[]): Promise<void> {
  await until(
    async () => (await Promise.all(connectors.map(async (name) => isPaused(await connect.status(name))))).every(Boolean),
    STEP_WITHIN_MS,
    () => new OperateError('NOT_PAUSED', 'The connector is not PAUSED in Connect. See: npm run outbox -- status'),
  );
}

/** Waits until every group with members, or in ACK_GROUPS, has read everything and nothing more arrives. */
async function untilDrained({ config, output, admin }: Hands, withinMs: number): Promise<void> {
  const named = [...config.ACK_GROUPS, config.CLEANUP_GROUP];
  const all = [...new Set([...named, ...(await consumerGroups(admin))])];
  const { groups } = await admin.describeGroups(all);
  const live = new Set([...named, ...groups.filter(({ members }) => members.length > 0).map(({ groupId }) => groupId)]);
  for (const { group, exact } of await readLag(
    admin,
    EVENT_TOPIC,
    all.filter((group) => !live.has(group)),
  ))
    if (!exact) output.warn(`${group} has not read everything and has no member: it may later read events of a zap out of order.`);
  let seen = '';
  let behind = '';
  let quiet = 0;
  const isDrained = async () => {
    const offsets = await topicOffsets(admin, EVENT_TOPIC);
    const lags = (await readLag(admin, EVENT_TOPIC, [...live], offsets)).filter(({ exact }) => !exact);
    behind = lags.map(({ group, records }) => `${group} ${records}`).join(', ');
    const ends = [...offsets.ends.values()].join();
    quiet = ends === seen && lags.length === 0 ? quiet + 1 : 0;
    seen = ends;
    return quiet >= QUIET;
  };
  await until(
    isDrained,
    withinMs,
    () =>
      new OperateError(
        'NOT_DRAINED',
        `Still to be read: ${behind || 'new events'}. Nothing was changed. Try again, or wait longer with --within`,
      ),
  );
  output.say('Every event on the topic has been read.');
}

/** Cleanup stops when partitions are added to those it has stored. As everything is read, it may start over. */
async function untilAccepted({ pool }: Hands, count: number): Promise<void> {
  let unknown = 0;
  const isAccepted = async () => {
    const stop = await readCleanupStop(pool, EVENT_TOPIC);
    const { rows } = await pool.query<{ known: number }>('SELECT count(*)::int AS known FROM cleanup_partition WHERE topic = $1', [
      EVENT_TOPIC,
    ]);
    const known = rows[0]?.known ?? 0;
    if (stop === undefined && known === count) return true;
    // Cleanup does not run, so nothing stores them.
    unknown = stop === undefined && known === 0 ? unknown + 1 : 0;
    if (unknown >= QUIET) return true;
    if (unknown > 0) return false;
    if (stop !== undefined && stop.code !== 'PARTITIONS_GREW') return true; // Another fault, which this verb must not clear.
    await forgetTopic(pool);
    return false;
  };
  await until(
    isAccepted,
    STEP_WITHIN_MS,
    () => new OperateError('CLEANUP_STOPPED', 'Cleanup does not accept the new partitions: npm run outbox -- accept-topic'),
  );
}
