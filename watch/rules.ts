import type { Facts } from './facts.ts';
import { dropSlot, dropSlotOfOldPublication, registerAgain, restartAll, restartFailed, restorePublication, type Tools } from './repairs.ts';
import { buryTooLarge } from './too-large.ts';

/** One thing that can be wrong, and what mends it. */
export interface Rule {
  name: string;
  /** What is wrong, for the log; undefined when it is not. Asked at every look, so it only judges. @param before the look before this one */
  wrong: (facts: Facts, before?: Facts) => string | undefined;
  /** How long it must have been wrong without a break: what mends itself is left alone. */
  patienceMs: number;
  /** @returns what was done, for the log. None: only an alarm. */
  repair?: (tools: Tools, facts: Facts) => Promise<string>;
}

const failedParts = ({ connector }: Facts): string[] =>
  connector === undefined
    ? []
    : [
        ...(connector.connector.state === 'FAILED' ? [`connector: ${cause(connector.connector.trace)}`] : []),
        ...connector.tasks.filter(({ state }) => state === 'FAILED').map(({ id, trace }) => `task ${id}: ${cause(trace)}`),
      ];

/** The last "Caused by" of a trace is what happened; the lines above say who was told. */
function cause(trace = ''): string {
  const lines = trace.split('\n');
  const last = lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
  return last.replace('Caused by: ', '').slice(0, 300);
}

const runs = ({ connector }: Facts): boolean =>
  connector?.connector.state === 'RUNNING' && connector.tasks.length > 0 && connector.tasks.every(({ state }) => state === 'RUNNING');

/** A snapshot is no fault, however long it takes: started anew it would never end. */
const unread = (facts: Facts): boolean => facts.slot?.active === false && runs(facts) && !facts.snapshot;

/**
 * In this order, and one repair at a time: what comes first is the cause of what comes later. Without its publication
 * a task fails; with a slot older than its publication it fails again; only then is a restart of use.
 */
export const rules: readonly Rule[] = [
  {
    name: 'publication-missing',
    wrong: ({ publication }) => (publication === undefined ? 'there is no publication: nothing is streamed' : undefined),
    patienceMs: 0,
    repair: restorePublication,
  },
  {
    // What was written meanwhile was skipped, and is sent again by cleanup's reconciler.
    name: 'publication-altered',
    wrong: ({ publication }) =>
      publication?.fits === false ? 'the publication is not the inserts of the outbox: events may be missing' : undefined,
    patienceMs: 0,
    repair: restorePublication,
  },
  {
    name: 'publication-remade',
    wrong: ({ publication, knownPublicationOid }) =>
      publication !== undefined && publication.oid !== knownPublicationOid
        ? 'the publication was made anew: the slot cannot decode what was written before'
        : undefined,
    patienceMs: 0,
    repair: async (tools, { publication }) => (publication === undefined ? 'nothing' : dropSlotOfOldPublication(tools, publication.oid)),
  },
  {
    // Debezium would wait half an hour for it to become valid, and its task looks RUNNING meanwhile.
    name: 'slot-lost',
    wrong: ({ slot }) => (slot?.lost === true ? 'the slot was invalidated: its WAL is gone' : undefined),
    patienceMs: 0,
    repair: dropSlot,
  },
  {
    // Long enough for a deployment that deletes and registers.
    name: 'connector-missing',
    wrong: ({ connectAnswers, connector }) => (connectAnswers && connector === undefined ? 'the connector is not registered' : undefined),
    patienceMs: 10_000,
    repair: registerAgain,
  },
  {
    // A limit was lowered. The task would fail on the same row for ever.
    name: 'too-large',
    wrong: (facts) =>
      (facts.connector?.tasks ?? []).some(({ state, trace }) => state === 'FAILED' && trace?.includes('RecordTooLargeException'))
        ? 'Kafka refuses an event as too large: all others wait behind it'
        : undefined,
    patienceMs: 0,
    repair: buryTooLarge,
  },
  {
    name: 'failed',
    wrong: (facts) => failedParts(facts).join('; ') || undefined,
    patienceMs: 0,
    repair: restartFailed,
  },
  {
    // A task that loses its slot makes a new one within seconds.
    name: 'slot-missing',
    wrong: (facts) => (facts.slot === undefined && runs(facts) ? 'the connector runs without a slot' : undefined),
    patienceMs: 20_000,
    repair: restartAll,
  },
  {
    // A task that lost its connection is back within seconds, unless it hangs.
    name: 'slot-unread',
    wrong: (facts) => (unread(facts) ? 'the connector runs and does not read its slot' : undefined),
    patienceMs: 60_000,
    repair: restartAll,
  },
  {
    // Restarts did not help: whatever the slot cannot decode, the rows are still in the outbox.
    name: 'slot-unreadable',
    wrong: (facts) => (unread(facts) ? 'the connector cannot read its slot' : undefined),
    patienceMs: 300_000,
    repair: dropSlot,
  },
  {
    // A task or its producer that hangs: heartbeats move the position every few seconds, with or without events.
    name: 'stuck',
    wrong: (facts, before) =>
      facts.slot?.active === true && runs(facts) && facts.waits && facts.slot.confirmed === before?.slot?.confirmed
        ? 'the connector reads its slot and confirms nothing, while rows wait'
        : undefined,
    patienceMs: 120_000,
    repair: async (tools) => {
      // Without Kafka or the topic it waits by right, goes on by itself, and a restart is of no use.
      await tools.recordLimit();
      return restartAll(tools);
    },
  },
  {
    name: 'connect-silent',
    wrong: ({ connectAnswers }) => (connectAnswers ? undefined : 'Kafka Connect does not answer'),
    patienceMs: 15_000,
  },
];
