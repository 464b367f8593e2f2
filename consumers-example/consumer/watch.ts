import type { Logger } from 'pino';
import type { ConsumerMetrics } from './observe.ts';

/** Kafka's offsets of one partition, as a reader of committed records sees them. */
export interface PartitionOffsets {
  partition: number;
  /** The oldest offset that still exists. */
  low: bigint;
  /** The end, without records of transactions that are still open. */
  end: bigint;
  /** The group's position; undefined when it has none. */
  committed: bigint | undefined;
}

export interface Watched {
  /** The partitions of this member; undefined while it is in no group, when it watches all of them. */
  mine: () => ReadonlySet<number> | undefined;
  stallMs: number;
  now: () => number;
  log: Logger;
  metrics: ConsumerMetrics;
}

/**
 * Decides from Kafka's offsets alone whether this consumer makes progress, because kafkajs can stop without an error.
 * Transaction markers are part of both the end and the committed position, so they are not lag.
 */
export class Watch {
  readonly #watched: Watched;
  readonly #positions = new Map<number, { committed: bigint; since: number }>();
  readonly #warned = new Map<number, string>();

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** An attempt at a record of the partition failed and will be retried: the partition waits and does not hang. */
  waits(partition: number): void {
    const seen = this.#positions.get(partition);
    if (seen !== undefined) seen.since = this.#watched.now();
  }

  /** Sets the lag metrics. @returns the partitions with lag whose position has not moved for too long */
  findStalled(offsets: readonly PartitionOffsets[]): number[] {
    const { mine, stallMs, now, metrics } = this.#watched;
    const partitions = mine();
    metrics.lag.reset();
    return offsets
      .filter(({ partition }) => partitions?.has(partition) ?? true)
      .filter((one) => {
        this.#warn(one);
        const { partition, low, end } = one;
        const committed = one.committed ?? low;
        metrics.lag.set({ partition }, Number(end > committed ? end - committed : 0n));
        const seen = this.#positions.get(partition);
        if (seen?.committed !== committed || end <= committed) {
          this.#positions.set(partition, { committed, since: now() });
          return false;
        }
        return now() - seen.since > stallMs;
      })
      .map(({ partition }) => partition);
  }

  /** Another offset came than the expected one: kafkajs starts over at the oldest by itself. */
  jumped(partition: number, expected: bigint, found: bigint): void {
    const { log, metrics } = this.#watched;
    const about = { code: 'OFFSET_OUT_OF_RANGE', partition, expected: String(expected), found: String(found) };
    if (found > expected) {
      metrics.skipped.inc(Number(found - expected));
      log.error(about, 'records were removed from the topic before this group read them: raise its retention');
    } else log.error(about, 'the topic ends before the position of this group: it was re-created or truncated; reading from its start');
  }

  #warn({ partition, low, end, committed }: PartitionOffsets): void {
    if (committed === undefined || (committed >= low && committed <= end)) return;
    if (this.#warned.get(partition) === `${committed} ${low}`) return;
    this.#warned.set(partition, `${committed} ${low}`);
    this.jumped(partition, committed, low);
  }
}
