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

/** How old the positions may be before `/readyz` fails. */
const UNREAD_SECONDS = 15;
/** How long one failed delete keeps `/readyz` failing. */
const REFUSED_MS = 5000;

export interface CleanupDependencies {
  config: Config;
  topic: string;
  pool: Pool;
  kafka: CleanupKafka;
  metrics: CleanupMetrics;
  alarm: Alarm;
  log: Logger;
  /** Ends the process so that it is restarted: kafkajs would go on without consuming. */
  giveUp: (reason: string) => void;
}

export interface Cleaner {
  /** Reads the positions, and raises the follower's caps or halts it. */
  refresh: () => Promise<void>;
  /** Whether it is halted until `outbox accept-topic`. */
  isHalted: () => boolean;
  /** Why nothing can be deleted at the moment; undefined when all is well. */
  unready: () => string | undefined;
  stop: () => Promise<void>;
}

export function createCleaner({ config, topic, pool, kafka, metrics, alarm, log, giveUp }: CleanupDependencies): Cleaner {
  const dryRun = config.DRY_RUN;
  const fresh = () => ({ guard: createGuard(), capsOf: createCaps(config.GRACE_SECONDS * 1000), stalledFor: createStallWatch() });
  let { guard, capsOf, stalledFor } = fresh();
  let follower: Follower | undefined;
  let unready: string | undefined = 'starting';
  // The watch is outside the loop that it watches: a query or request that never ends would block a watch inside it too.
  const refreshed = watchProgress(config.STALL_SECONDS, (seconds) => giveUp(`reading the positions has not ended for ${seconds} s`));
  let readAt = performance.now();
  let halted: string | undefined;

  async function stop(): Promise<void> {
    const consuming = follower;
    follower = undefined;
    await consuming?.stop();
  }

  /** Stays alive without a consumer: accept-topic needs an empty group, and a restart would change nothing. */
  async function halt({ code, detail }: { code: string; detail: string }): Promise<void> {
    unready = `${code}: ${detail}`;
    metrics.stopped.set(1);
    if (halted !== code) {
      halted = code;
      alarm(code, `${detail}. Cleanup has stopped deleting. Once you know the cause, run: npm run outbox -- accept-topic`);
    }
    await stop();
    ({ guard, capsOf, stalledFor } = fresh());
  }

  function follow(): Promise<Follower> {
    const consumer = kafka.createConsumer();
    // After an error that kafkajs considers final it stops consuming, and the process would stay idle.
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
    // The memory is read after Kafka: another copy may have stored a later end than this one has seen.
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
    // Stored before the caps are raised to these ends, so that everything acted on is remembered.
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
      // The old caps stay in use. A cap that is too low is safe.
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
