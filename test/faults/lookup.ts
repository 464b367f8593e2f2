import type { AuditRow, Bounds, Facts, TopicRecord } from './facts.ts';
import type { Op } from './history.ts';

/** Lookups that several invariants share. */
export interface Index {
  facts: Facts;
  bounds: Bounds;
  byOp: ReadonlyMap<string, Op>;
  /** The records of each event id in the order of the topic: an id has one key, so one partition. */
  recordsOf: ReadonlyMap<string, readonly TopicRecord[]>;
  /** Per op the first place on the topic. */
  firstOf: ReadonlyMap<string, TopicRecord>;
  /** The op behind an event's id, by the topic or else by the archive. */
  opOf: ReadonlyMap<string, string>;
}

export function indexOf(facts: Facts, bounds: Bounds): Index {
  const recordsOf = new Map<string, TopicRecord[]>();
  const firstOf = new Map<string, TopicRecord>();
  const opOf = new Map(facts.runs.map(({ id, op }) => [id, op]));
  for (const record of facts.records) {
    const same = recordsOf.get(record.id);
    if (same === undefined) recordsOf.set(record.id, [record]);
    else same.push(record);
    if (!firstOf.has(record.event.op)) firstOf.set(record.event.op, record);
    opOf.set(record.id, record.event.op);
  }
  return { facts, bounds, byOp: new Map(facts.ops.map((op) => [op.op, op])), recordsOf, firstOf, opOf };
}

/** Deleted rows, and when. A moved row, which the same transaction inserts again, is not one. */
export function deletions(audit: readonly AuditRow[]): Map<string, number> {
  const gone = new Map<string, AuditRow>();
  for (const row of audit) {
    if (row.what === 'delete') gone.set(row.id, row);
    else if (gone.get(row.id)?.tx === row.tx) gone.delete(row.id);
  }
  return new Map([...gone].map(([id, { at }]) => [id, at]));
}

/** When a group had first committed past a record; Infinity when it never did. */
export function passedAt({ commits, ackGroups }: Facts): (group: string, record: TopicRecord) => number {
  const byPlace = new Map<string, { offset: number; at: number }[]>();
  for (const { group, partition, offset, at } of commits.toSorted((a, b) => a.at - b.at)) {
    const name = `${group} ${partition}`;
    const steps = byPlace.get(name) ?? [];
    byPlace.set(name, steps);
    // Only what is higher than all before: for each offset the first commit past it.
    if (offset > (steps.at(-1)?.offset ?? -1)) steps.push({ offset, at });
  }
  return (group, { partition, offset }) => {
    if (commits.length === 0 || !ackGroups.includes(group)) return -Infinity;
    const steps = byPlace.get(`${group} ${partition}`) ?? [];
    let [low, high] = [0, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((steps[middle]?.offset ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return steps[low]?.at ?? Infinity;
  };
}

export function grouped<T>(members: readonly T[], nameOf: (member: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const member of members) {
    const group = groups.get(nameOf(member));
    if (group === undefined) groups.set(nameOf(member), [member]);
    else group.push(member);
  }
  return groups;
}
