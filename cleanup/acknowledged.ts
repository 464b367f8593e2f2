import type { Admin } from 'kafkajs';

/** Per partition the first offset that is not acknowledged: everything below it is. */
export type Caps = ReadonlyMap<number, bigint>;

/**
 * Answers up to which offset every named group has committed. A group that never committed counts as 0, and so does
 * a partition that it does not know: what is unclear is not acknowledged.
 *
 * Without groups a record is acknowledged by being on the topic: the high watermark as it was at least `graceMs` ago.
 */
export function createCapReader(admin: Admin, topic: string, groups: readonly string[], graceMs: number): () => Promise<Caps> {
  if (groups.length === 0) return createWatermarkReader(admin, topic, graceMs);
  return async () => {
    const committed = await Promise.all(groups.map((groupId) => committedOffsets(admin, groupId, topic)));
    return lowest(committed);
  };
}

/** The lower of all groups' offsets; a partition that one of them does not name is not acknowledged at all. */
export function lowest(committed: readonly Caps[]): Caps {
  const [first, ...others] = committed;
  const caps = new Map<number, bigint>();
  for (const [partition, offset] of first ?? []) {
    const all = [offset, ...others.map((other) => other.get(partition) ?? 0n)];
    caps.set(
      partition,
      all.reduce((a, b) => (b < a ? b : a)),
    );
  }
  return caps;
}

async function committedOffsets(admin: Admin, groupId: string, topic: string): Promise<Caps> {
  const [entry] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return new Map(entry?.partitions.map(({ partition, offset }) => [partition, atLeastZero(BigInt(offset))]));
}

/** Kafka says −1 for "nothing committed". */
const atLeastZero = (offset: bigint) => (offset < 0n ? 0n : offset);

function createWatermarkReader(admin: Admin, topic: string, graceMs: number): () => Promise<Caps> {
  const samples: { at: number; high: Caps }[] = [];
  return async () => {
    const offsets = await admin.fetchTopicOffsets(topic);
    // A clock that never jumps: the wall clock would make records older than they are.
    const now = performance.now();
    samples.push({ at: now, high: new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])) });
    while (samples[1] !== undefined && now - samples[1].at >= graceMs) samples.shift();
    const oldest = samples[0];
    return oldest !== undefined && now - oldest.at >= graceMs ? oldest.high : new Map<number, bigint>();
  };
}
