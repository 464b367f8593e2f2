import type { Offsets } from '../kit/kafka-admin.ts';
import type { TopicSnapshot } from './kafka.ts';

/** Per partition the first unacknowledged offset. Everything below it is acknowledged. */
export type Caps = Offsets;

/**
 * Up to which offset every named group has committed. Unclear positions acknowledge nothing: a partition without a
 * position of one of the groups counts as 0, and so does one where a group is beyond the end, because such an offset
 * belongs to an earlier incarnation of the topic.
 *
 * Without groups, every record before the end of at least `graceMs` ago is acknowledged.
 */
export function createCaps(graceMs: number): (snapshot: Pick<TopicSnapshot, 'groups' | 'ends'>) => Caps {
  const capsByTime = createGrace(graceMs);
  return ({ groups, ends }) =>
    groups.size === 0 ? capsByTime(ends) : lowest([ends, ...[...groups.values()].map((offsets) => within(ends, offsets))]);
}

const within = (ends: Offsets, offsets: Offsets): Offsets =>
  new Map([...offsets].map(([partition, offset]) => [partition, offset <= (ends.get(partition) ?? 0n) ? offset : 0n]));

/** The lowest offset of each partition that appears in all of them. */
export function lowest(all: readonly Offsets[]): Caps {
  const [first = new Map<number, bigint>(), ...others] = all;
  const caps = new Map<number, bigint>();
  for (const [partition, offset] of first) {
    const offsets = [offset, ...others.map((other) => other.get(partition) ?? 0n)];
    caps.set(
      partition,
      offsets.reduce((a, b) => (b < a ? b : a)),
    );
  }
  return caps;
}

function createGrace(graceMs: number): (ends: Offsets) => Caps {
  const samples: { at: number; ends: Offsets }[] = [];
  return (ends) => {
    // A monotonic clock: a jump of the wall clock would make records seem older than they are.
    const now = performance.now();
    samples.push({ at: now, ends });
    while (samples[1] !== undefined && now - samples[1].at >= graceMs) samples.shift();
    const oldest = samples[0];
    return oldest !== undefined && now - oldest.at >= graceMs ? oldest.ends : new Map<number, bigint>();
  };
}
