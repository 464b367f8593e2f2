import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Alarm } from '../kit/metrics.ts';
import { watchProgress } from '../kit/stall.ts';
import { createCaps } from './acknowledged.ts';
import type { Config } from './config.ts';
import { deleteRows } from './delete-rows.ts';
import { followTopic, type Follower } from './follow-topic.ts';
import type { CleanupKafka } from './kafka.ts';
import { observeLag, type CleanupMetrics } from './observe.ts';
import { createStallWatch } from './stall.ts';
import { readRemembered, remember, writeStop } from './state.ts';
import { createGuard } from './topic-guard.ts';

/** How long the positions may not have been read before `/readyz` says so. */
const UNREAD_SECONDS = 15;
/** How long after a refusal Postgres counts as refusing. */
const REFUSED_MS = 5000;

export interface CleanupDependencies {
  config: Config;
  topic: string;
  pool: Pool;
  kafka: CleanupKafka;
  metrics: CleanupMetrics;
  alarm: Alarm;
  log: Logger;
  /** The process must end and be started anew: kafkajs lives on without consuming. */
  giveUp: (reason: string) => void;
}

export interface Cleaner {
  /** Looks at Kafka, and lets the follower go on as far as that allows, or halts it. */
  refresh: () => Promise<void>;
  /** Halted until the operator has looked. */
  isHalted: () => boolean;
  /** Why nothing is deleted at the moment; undefined when all is well. */
  unready: () => string | undefined;
  stop: () => Promise<void>;
}

export function createCleaner({ config, topic, pool, kafka, metrics, alarm, log, giveUp }: CleanupDependencies): Cleaner {
  const dryRun = config.DRY_RUN;
  const fresh = () => ({ guard: createGuard(), capsOf: createCaps(config.GRACE_SECONDS * 1000), stalledFor: createStallWatch() });
  let { guard, capsOf, stalledFor } = fresh();
  let follower: Follower | undefined;
  let unready: string | undefined = 'starting';
  // From outside of what it watches: a query or a request that never ends would hold a watch inside of it as well.
  const refreshed = watchProgress(config.STALL_SECONDS, (seconds) => giveUp(`reading the positions has not ended for ${seconds} s`));
  let readAt = performance.now();
  let halted: string | undefined;

  async function stop(): Promise<void> {
    const consuming = follower;
    follower = undefined;
    await consuming?.stop();
  }

  /** Stays alive without a consumer: the group is then empty, which accept-topic needs, and a restart would change nothing. */
  async function halt({ code, detail }: { code: string; detail: string }): Promise<void> {
    unready = `${code}: ${detail}`;
    metrics.stopped.set(1);
    if (halted !== code) {
      halted = code;
      alarm(code, `${detail}. Nothing is deleted any more. Once you know why, run: npm run outbox -- accept-topic`);
    }
    await stop();
    ({ guard, capsOf, stalledFor } = fresh());
  }

  function follow(): Promise<Follower> {
    const consumer = kafka.createConsumer();
    // kafkajs stops consuming for good after an error that it takes for final, and the process would live on idle.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      log.error({ cause: payload.error.message, restart: payload.restart }, 'consumer failed');
      if (!payload.restart) giveUp('the consumer failed for good');
    });
    return followTopic({
      consumer,
      topic,
      deleteRows: (records) => deleteRows(pool, records, dryRun),
      commits: !dryRun,
      log,
      onDeleted: (rows) => (dryRun ? log.info({ rows }, 'dry run: these rows would be deleted') : metrics.deleted.inc(rows)),
    });
  }

  async function refresh(): Promise<void> {
    // In this order: another copy may remember a later end than this one has seen.
    const remembered = await readRemembered(pool, topic);
    const snapshot = await kafka.readSnapshot();
    observeLag(metrics, config.CLEANUP_GROUP, snapshot);
    const found = remembered?.stop === undefined ? guard(remembered, snapshot) : undefined;
    if (found !== undefined && !dryRun) await writeStop(pool, topic, snapshot.clusterId, found);
    const reason = remembered?.stop ?? found;
    if (reason !== undefined) return halt(reason);
    halted = undefined;
    readAt = performance.now();
    metrics.stopped.set(0);
    // Before the caps are raised to them: whatever is acted on is remembered.
    if (!dryRun) await remember(pool, topic, snapshot.clusterId, snapshot.ends, follower?.arrived() ?? new Map<number, bigint>());
    follower ??= await follow();
    const caps = capsOf(snapshot);
    await follower.allow(caps);
    const stalled = dryRun ? 0 : stalledFor({ assigned: follower.assigned(), caps, own: snapshot.own, refusedAt: follower.refusedAt() });
    metrics.stalled.set(stalled);
    unready = performance.now() - follower.refusedAt() < REFUSED_MS ? 'Postgres refuses to delete' : undefined;
    if (stalled > config.STALL_SECONDS) giveUp(`acknowledged records are ahead, and nothing moved for ${Math.round(stalled)} s`);
  }

  return {
    refresh: () =>
      // Without fresh caps the old ones hold: too low is safe.
      refresh()
        .catch((error: unknown) => {
          unready = `positions cannot be read: ${String(error)}`;
          log.warn({ cause: String(error) }, 'positions cannot be read');
        })
        .finally(refreshed.made),
    isHalted: () => halted !== undefined,
    unready: () => {
      const unread = Math.round((performance.now() - readAt) / 1000);
      return unready ?? (unread > UNREAD_SECONDS ? `the positions were last read ${unread} s ago` : undefined);
    },
    stop: () => {
      refreshed.stop();
      return stop();
    },
  };
}
