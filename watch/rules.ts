import { failuresOf, isRunning } from '../checks/connector-status.ts';
import { slotFault } from '../checks/state.ts';
import type { Facts } from './facts.ts';
import {
  dropSlot,
  dropSlotOfOldPublication,
  putBack,
  registerAgain,
  restartAll,
  restartFailed,
  restorePublication,
  type Tools,
} from './repairs.ts';
import { buryTooLarge } from './too-large.ts';

/** One thing that can be wrong, and what mends it. */
export interface Rule {
  name: string;
  /** Whether the facts can tell. While they cannot, an alarm stays as it is. Always, unless given. */
  tells?: (facts: Facts) => boolean;
  /**
   * What is wrong, for the log; undefined when it is not. Asked in every round, so it changes nothing.
   *
   * @param stillMs for how long the connector has been at work without getting any further
   */
  wrong: (facts: Facts, stillMs: number) => string | undefined;
  /** How long it must have been wrong without a break: what mends itself is left alone. */
  patienceMs: number;
  /** What is done, one step after the other as long as each was in vain, the last one again and again. None: only an alarm. */
  steps?: readonly Step[];
  /** The step belongs to a switch that an operator may turn off: then it is only an alarm. */
  optional?: 'PUT_BACK';
  /** How long a step may take to show, before the next one; from one to the next twice as long. FIRST_PAUSE_MS unless given. */
  pauseMs?: number;
}

/** @returns what was done, for the log */
export type Step = (tools: Tools, facts: Facts) => Promise<string>;

/** Heartbeats come every five seconds, and a position is stored every second. */
const STILL_MS = 40_000;

const failedParts = ({ connector }: Facts): string[] => failuresOf(connector);

export const runs = ({ connector }: Facts): boolean => isRunning(connector);

/** Neither paused, nor between two states, nor unknown. */
const works = ({ connector }: Facts): boolean =>
  connector !== undefined &&
  connector.tasks.length > 0 &&
  [connector.connector, ...connector.tasks].every(({ state }) => state === 'RUNNING' || state === 'FAILED');

/** Without Kafka or the topic the connector waits by right and goes on by itself: a step would be of no use. */
const withKafka =
  (step: Step): Step =>
  async (tools, facts) => {
    await tools.recordLimit();
    return step(tools, facts);
  };

/** Whatever the slot cannot get past, the rows are still in the outbox: two restarts in vain, then a new slot. */
const upToNewSlot = (restart: Step): readonly Step[] => [
  restart,
  restart,
  async (tools) => {
    const done = await dropSlot(tools);
    return `${done}; ${await restartFailed(tools)}`;
  },
];

/**
 * In this order, and one repair at a time: what comes first is the cause of what comes later. Without its publication
 * a task fails; with a slot older than its publication it fails again; only then is a restart of use.
 */
export const rules: readonly Rule[] = [
  {
    name: 'PUBLICATION_MISSING',
    wrong: ({ publicationOid, publicationFault }) => (publicationOid === undefined ? publicationFault : undefined),
    patienceMs: 0,
    steps: [restorePublication],
  },
  {
    // What was written meanwhile was skipped, and is sent again by cleanup's reconciler.
    name: 'PUBLICATION_ALTERED',
    wrong: ({ publicationOid, publicationFault }) => (publicationOid === undefined ? undefined : publicationFault),
    patienceMs: 0,
    steps: [restorePublication],
  },
  {
    name: 'PUBLICATION_REMADE',
    wrong: ({ publicationOid, knownPublicationOid }) =>
      publicationOid !== undefined && publicationOid !== knownPublicationOid
        ? 'the publication was made anew: the slot cannot decode what was written before'
        : undefined,
    patienceMs: 0,
    steps: [
      async (tools, { publicationOid }) => (publicationOid === undefined ? 'nothing' : dropSlotOfOldPublication(tools, publicationOid)),
    ],
  },
  {
    // Debezium would wait half an hour for it to become valid, and its task looks RUNNING meanwhile.
    name: 'SLOT_LOST',
    wrong: ({ slot }) => (slotFault(slot) === 'SLOT_LOST' ? 'the slot was invalidated: its WAL is gone' : undefined),
    patienceMs: 0,
    steps: [dropSlot],
  },
  {
    // Long enough for a deployment that deletes and registers. One that is paused and deleted is meant to be away.
    name: 'CONNECTOR_MISSING',
    tells: ({ connectAnswers }) => connectAnswers,
    wrong: ({ paused, connectAnswers, connector }) =>
      paused === undefined && connectAnswers && connector === undefined ? 'the connector is not registered' : undefined,
    patienceMs: 10_000,
    steps: [registerAgain],
  },
  {
    // What it published meanwhile under another key or with other bytes is not acknowledged by cleanup, and sent again.
    // The patience is a deployment's, which registers first and starts the new watchdog after that.
    name: 'CONNECTOR_DRIFT',
    tells: ({ connectAnswers }) => connectAnswers,
    wrong: ({ drift }) => (drift.length === 0 ? undefined : `the connector runs with other settings than the file's: ${drift.join(', ')}`),
    patienceMs: 20_000,
    steps: [putBack],
    optional: 'PUT_BACK',
  },
  {
    // A limit was lowered. The task would fail on the same row for ever.
    name: 'EVENT_TOO_LARGE',
    tells: works,
    wrong: (facts) =>
      (facts.connector?.tasks ?? []).some(({ state, trace }) => state === 'FAILED' && trace?.includes('RecordTooLargeException'))
        ? 'Kafka refuses an event as too large: all others wait behind it'
        : undefined,
    patienceMs: 0,
    steps: [buryTooLarge],
  },
  {
    name: 'CONNECTOR_FAILED',
    tells: works,
    wrong: (facts) => failedParts(facts).join('; ') || undefined,
    patienceMs: 0,
    steps: upToNewSlot(restartFailed),
  },
  {
    // Longer than a restart, and than the tasks of a dead worker wait to be taken over.
    name: 'CONNECTOR_IDLE',
    tells: ({ connectAnswers }) => connectAnswers,
    wrong: (facts) =>
      facts.paused === undefined && facts.connector !== undefined && !works(facts) && failedParts(facts).length === 0
        ? `connector and tasks are ${[facts.connector.connector, ...facts.connector.tasks].map(({ state }) => state).join(', ')}`
        : undefined,
    patienceMs: 45_000,
    steps: [restartAll],
  },
  {
    // A task that loses its slot makes a new one within seconds.
    name: 'SLOT_MISSING',
    tells: (facts) => facts.slot !== undefined || works(facts),
    wrong: (facts) => (facts.slot === undefined && runs(facts) ? 'the connector runs without a slot' : undefined),
    patienceMs: 20_000,
    steps: [restartAll],
  },
  {
    // A task that lost its connection is back within seconds, unless it hangs. A snapshot is no fault, however long it
    // takes: started anew it would never end.
    name: 'SLOT_UNREAD',
    tells: (facts) => facts.slot?.active === true || works(facts),
    wrong: (facts) =>
      facts.slot?.active === false && runs(facts) && !facts.snapshot ? 'the connector runs and does not read its slot' : undefined,
    patienceMs: 45_000,
    steps: upToNewSlot(restartAll),
  },
  {
    // A task or its producer that hangs, or something in the WAL that it does not get past.
    name: 'CONNECTOR_STUCK',
    wrong: (_facts, stillMs) =>
      stillMs >= STILL_MS ? `the connector reads its slot and has confirmed nothing for ${Math.round(stillMs / 1000)} s` : undefined,
    patienceMs: 0,
    steps: upToNewSlot(restartAll).map(withKafka),
    pauseMs: 20_000,
  },
  {
    name: 'CONNECT_SILENT',
    wrong: ({ connectAnswers, connectRefuses }) => (connectAnswers ? undefined : (connectRefuses ?? 'Kafka Connect does not answer')),
    patienceMs: 15_000,
  },
];
