import type { Caps } from './acknowledged.ts';
import type { Offsets } from '../kit/kafka-admin.ts';

export interface Moment {
  assigned: readonly number[];
  caps: Caps;
  /** The group's committed positions. */
  own: Offsets;
  /** When a batch last failed, by performance.now(). Waiting for Postgres is not a stall. */
  refusedAt: number;
}

/**
 * kafkajs may stop fetching silently (tulios/kafkajs#659, #1599). Returns for how many seconds acknowledged records
 * have been ahead of a partition that did not move; 0 when nothing is to do.
 */
export function createStallWatch(): (moment: Moment) => number {
  let waiting = new Map<number, { at: bigint; since: number }>();
  return ({ assigned, caps, own, refusedAt }) => {
    const now = performance.now();
    const next = new Map<number, { at: bigint; since: number }>();
    for (const partition of assigned) {
      const at = own.get(partition) ?? 0n;
      if (at >= (caps.get(partition) ?? 0n)) continue;
      const before = waiting.get(partition);
      next.set(partition, before?.at === at ? { at, since: Math.max(before.since, refusedAt) } : { at, since: now });
    }
    waiting = next;
    return Math.max(0, ...[...waiting.values()].map(({ since }) => (now - since) / 1000));
  };
}
