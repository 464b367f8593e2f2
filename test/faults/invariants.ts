import type { Bounds, Facts, Invariant, TopicRecord, Violation } from './facts.ts';
import type { Op } from './history.ts';
import { deletions, grouped, indexOf, passedAt, type Index } from './lookup.ts';
import { recoveries } from './recovery.ts';

// The invariants, each a pure function of the facts. They are checked after everything has healed and come to rest.

type Check = (index: Index) => Violation[];

const accepted = ({ facts }: Index) => facts.ops.filter(({ status }) => status === 'ok');

/** I1: every event that was answered 200 is on the topic. */
const complete: Check = (index) =>
  accepted(index)
    .filter(({ op }) => !index.firstOf.has(op))
    .map(({ op, zap, ids }) => violation('I1', `answered 200 and never on the topic`, { op, zap, id: ids[0] }));

/** I2: nothing is on the topic that was not posted, under another key, with other bytes, or after a refusal. */
const honest: Check = ({ facts, byOp, recordsOf }) => {
  const found: Violation[] = [];
  for (const record of facts.records) {
    const { id, key, event } = record;
    const op = byOp.get(event.op);
    const say = (says: string) => found.push(violation('I2', `${says} (${place(record)})`, { op: event.op, zap: event.zap, id }));
    if (op === undefined) say('a record of an event that nobody posted');
    else if (op.status === 'refused') say(`an event that was refused (${op.why}) is on the topic`);
    else if (op.zap !== key || op.zap !== event.zap) say(`posted to ${op.zap}, published under the key ${key}`);
    else if (op.sha !== event.metadataSha) say('the metadata has other bytes than were posted');
    else if (id !== event.id) say(`the header id differs from the event's ${event.id}`);
  }
  for (const [id, [first, ...repeats]] of recordsOf) {
    const other = repeats.find(({ sha, key }) => sha !== first?.sha || key !== first.key);
    if (other !== undefined) found.push(violation('I2', `a repeat has other bytes (${place(other)})`, { op: other.event.op, id }));
  }
  return found;
};

/** I3: a run, its outbox row and its record exist together or not at all. */
const atomic: Check = ({ facts, recordsOf, opOf }) => {
  const inserted = new Set(facts.audit.filter(({ what }) => what === 'insert').map(({ id }) => id));
  const runs = new Set(facts.runs.map(({ id }) => id));
  const say = (id: string, says: string) => violation('I3', says, { id, op: opOf.get(id) });
  return [
    ...[...runs].filter((id) => !inserted.has(id)).map((id) => say(id, 'a run without an outbox row')),
    ...[...inserted].filter((id) => !runs.has(id)).map((id) => say(id, 'an outbox row without a run')),
    ...[...recordsOf.keys()].filter((id) => !inserted.has(id)).map((id) => say(id, 'a record without an outbox row')),
  ];
};

/** I4: of two events of a zap of which the second was posted after the first's answer, the first comes first. */
const ordered: Check = (index) => {
  const byZap = grouped(accepted(index), ({ zap }) => zap);
  const found: Violation[] = [];
  for (const ops of byZap.values()) {
    let before: { op: Op; record: TopicRecord } | undefined;
    for (const op of ops.toSorted((a, b) => a.invoked - b.invoked)) {
      const record = index.firstOf.get(op.op);
      // A rescued event may come late; it says so.
      if (record === undefined || record.resends > 0) continue;
      if (before !== undefined && before.op.answered < op.invoked) {
        const says = `answered before ${op.op} was posted, and comes after it (${place(before.record)}, ${place(record)})`;
        const behind = before.record.partition === record.partition && before.record.offset > record.offset;
        if (behind) found.push(violation('I4', says, { op: before.op.op, zap: op.zap, id: before.record.id }));
        if (before.record.partition !== record.partition)
          found.push(violation('I4', `of one zap, on two partitions: ${says}`, { op: op.op }));
      }
      if (before === undefined || record.offset > before.record.offset) before = { op, record };
    }
  }
  return found;
};

/** I5: a row is deleted only after its record was appended and every group that must acknowledge it committed past it. */
const keptLongEnough: Check = ({ facts, bounds, recordsOf, opOf }) => {
  if (!bounds.clocks) return [];
  const buried = new Set(facts.dead);
  const passed = passedAt(facts);
  return [...deletions(facts.audit)].flatMap(([id, at]) => {
    if (buried.has(id)) return [];
    const records = recordsOf.get(id) ?? [];
    const appended = records[0]?.appendedAt ?? Infinity;
    const say = (says: string) => [violation('I5', says, { id, op: opOf.get(id) })];
    if (records.length === 0) return say('the row was deleted and is not on the topic');
    if (at < appended) return say(`the row was deleted ${Math.ceil(appended - at)} ms before its record was appended`);
    const early = facts.ackGroups.find((group) => records.every((record) => passed(group, record) > at));
    return early === undefined ? [] : say(`the row was deleted before ${early} had committed past its record`);
  });
};

/** I6: the outbox is empty, no call was given up, and no group has lag. */
const drained: Check = ({ facts, opOf }) => [
  ...facts.left.map((id) => violation('I6', 'the row is still in the outbox', { id, op: opOf.get(id) })),
  ...facts.dead.map((id) => violation('I6', 'the row was moved to outbox_dead', { id, op: opOf.get(id) })),
  ...facts.unrest.map((says) => violation('I6', says)),
];

/** I7: records beyond the first of their event stay within the bound. */
const fewRepeats: Check = ({ facts, bounds, recordsOf }) => {
  const repeats = facts.records.length - recordsOf.size;
  if (bounds.repeats === undefined || repeats <= bounds.repeats) return [];
  return [violation('I7', `${repeats} repeats, and ${bounds.repeats} are allowed`)];
};

/** I8: every group handled every event, and every target answered every call, known by one id and one body. */
const handled: Check = (index) => {
  const { facts } = index;
  const done = new Set(
    facts.calls.filter(({ answered, verified, status }) => answered && verified && status < 300).map((call) => call.webhookId),
  );
  const found: Violation[] = [];
  for (const { op, zap } of accepted(index)) {
    const id = index.firstOf.get(op)?.id;
    if (id === undefined) continue; // Lost: I1 says so.
    if (!facts.handled.has(id)) found.push(violation('I8', 'never handled by the typed consumer', { op, zap, id }));
    const missing = facts.targets.filter((target) => !done.has(`${id}_${target}`));
    for (const target of missing) found.push(violation('I8', `the action of ${target} was never answered`, { op, zap, id }));
  }
  const first = new Map<string, string>();
  for (const { webhookId, sha, verified } of facts.calls) {
    if (!verified) found.push(violation('I8', `a call ${webhookId} with a wrong signature`));
    if ((first.get(webhookId) ?? sha) !== sha) found.push(violation('I8', `two calls ${webhookId} with different bodies`));
    first.set(webhookId, sha);
  }
  return found;
};

/** I9: one event is one run, whatever the number of attempts and their answers. */
const once: Check = ({ facts }) => {
  const runs = grouped(facts.runs, ({ op }) => op);
  return facts.ops.flatMap(({ op, zap, ids }) => {
    const stored = (runs.get(op) ?? []).map(({ id }) => id);
    if (stored.length > 1) return [violation('I9', `stored ${stored.length} times: ${stored.join(', ')}`, { op, zap })];
    if (ids.length > 1) return [violation('I9', `answered with ${ids.length} ids: ${ids.join(', ')}`, { op, zap })];
    const other = ids.find((id) => stored[0] !== undefined && id !== stored[0]);
    return other === undefined ? [] : [violation('I9', `answered ${other} and stored as ${stored[0]}`, { op, zap })];
  });
};

/** I10: after each fault events are on the topic within a second again, in time. */
const recovered: Check = (index) =>
  index.bounds.clocks
    ? recoveries(index)
        .filter(({ quickAfter }) => quickAfter !== undefined && quickAfter > index.bounds.recoverSeconds)
        .map(({ span, quickAfter }) => violation('I10', `step ${span.step}, ${span.fault}: p99 is above 1 s for ${quickAfter} s after it`))
    : [];

/** I11: the slot holds no more WAL than it must. */
const bounded: Check = ({ facts, bounds }) =>
  facts.retainedWal <= bounds.retainedWal ? [] : [violation('I11', `the slot still holds ${facts.retainedWal} bytes of WAL`)];

/** I12: no secret in a log, on the topic or in Connect's topics. */
const discreet: Check = ({ facts }) => facts.leaks.map((where) => violation('I12', `a secret is in ${where}`));

const place = ({ partition, offset }: TopicRecord) => `${partition}:${offset}`;

function violation(
  invariant: Invariant,
  says: string,
  about: { op?: string | undefined; id?: string | undefined; zap?: string } = {},
): Violation {
  const known = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));
  return { invariant, says, ...known };
}

const checks = [complete, honest, atomic, ordered, keptLongEnough, drained, fewRepeats, handled, once, recovered, bounded, discreet];

/** Every broken promise. */
export function check(facts: Facts, bounds: Bounds): Violation[] {
  const index = indexOf(facts, bounds);
  return checks.flatMap((one) => one(index));
}
