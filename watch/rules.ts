import { failuresOf, isRunning } from '../checks/connector-status.ts';
import { slotFault } from '../checks/state.ts';
import type { Facts } from './facts.ts';
import {
  dropSlot,
  dropSlotOfOldPublication,
  makePublication,
  putBack,
  registerAgain,
  restartAll,
  restartFailed,
  restorePublication,
  type Tools,
} from './repairs.ts';
import { buryTooLarge } from './too-large.ts';

/** A fault that the watchdog recognizes, with its repair. */
export interface Rule {
  name: string;
  /** Whether the facts are conclusive. While they are not, an active alarm stays. By default they always are. */
  conclusive?: (facts: Facts) => boolean;
  /**
   * What is wrong, for the log; undefined when nothing is. It runs in every round and changes nothing.
   *
   * @param stillMs how long the connector has worked without progress
   */
  wrong: (facts: Facts, stillMs: number) => string | undefined;
  /** How long the fault must last without a break, so that one that passes by itself is left alone. */
  patienceMs: number;
  /** The repair. Each step that does not help is followed by the next, and the last is repeated. Without steps: only an alarm. */
  steps?: readonly Step[];
  /** A setting with which an operator can turn the repair off. Then the rule is only an alarm. */
  optional?: 'PUT_BACK';
  /** The wait after the first step; it doubles with each step. FIRST_PAUSE_MS by default. */
  pauseMs?: number;
}

/** @returns what was done, for the log */
export type Step = (tools: Tools, facts: Facts) => Promise<string>;

/** Heartbeats come every five seconds, and the position is stored every second. */
const STILL_MS = 40_000;

const failedParts = ({ connector }: Facts): string[] => failuresOf(connector);

export const runs = ({ connector }: Facts): boolean => isRunning(connector);

/** Whether connector and tasks are RUNNING or FAILED: neither paused, nor between two states, nor unknown. */
const works = ({ connector }: Facts): boolean =>
  connector !== undefined &&
  connector.tasks.length > 0 &&
  [connector.connector, ...connector.tasks].every(({ state }) => state === 'RUNNING' || state === 'FAILED');

/** Skips the step while Kafka or the topic is missing: then the connector waits as it should, and continues by itself. */
const withKafka =
  (step: Step): Step =>
  async (tools, facts) => {
    await tools.recordLimit();
    return step(tools, facts);
  };

/** Two restarts, then a new slot. Whatever blocks the old slot, the rows are still in the outbox. */
const upToNewSlot = (restart: Step): readonly Step[] => [
  restart,
  restart,
  async (tools) => {
    const done = await dropSlot(tools);
    return `${done}; ${await restartFailed(tools)}`;
  },
];

/**
 * One repair at a time, in this order: an earlier fault causes the later ones. Without its publication a task fails, and
 * with a slot older than its publication it fails again. Only then does a restart help.
 */
export const rules: readonly Rule[] = [
  {
    name: 'PUBLICATION_MISSING',
    wrong: ({ publicationOid, publicationFault }) => (publicationOid === undefined ? publicationFault : undefined),
    patienceMs: 0,
    steps: [makePublication],
  },
  {
    // Events written meanwhile were skipped. Cleanup's reconciler sends them again.
    name: 'PUBLICATION_ALTERED',
    wrong: ({ publicationOid, publicationFault }) => (publicationOid === undefined ? undefined : publicationFault),
    patienceMs: 0,
    steps: [restorePublication],
  },
  {
    name: 'PUBLICATION_REMADE',
    wrong: ({ publicationOid, knownPublicationOid }) =>
      publicationOid !== undefined && publicationOid !== knownPublicationOid
        ? 'the publication was re-created: the slot cannot decode what was written before'
        : undefined,
    patienceMs: 0,
    steps: [
      async (tools, { publicationOid }) => (publicationOid === undefined ? 'nothing' : dropSlotOfOldPublication(tools, publicationOid)),
    ],
  },
  {
    // Debezium would wait half an hour for the slot to become valid, with its task RUNNING.
    name: 'SLOT_LOST',
    wrong: ({ slot }) => (slotFault(slot) === 'SLOT_LOST' ? 'the slot was invalidated: its WAL is gone' : undefined),
    patienceMs: 0,
    steps: [dropSlot],
  },
  {
    // The patience covers a deployment that deletes and registers the connector. A paused and deleted one stays away.
    name: 'CONNECTOR_MISSING',
    conclusive: ({ connectAnswers }) => connectAnswers,
    wrong: ({ paused, connectAnswers, connector }) =>
      paused === undefined && connectAnswers && connector === undefined ? 'the connector is not registered' : undefined,
    patienceMs: 10_000,
    steps: [registerAgain],
  },
  {
    // Events published meanwhile with another key or other bytes are not acknowledged by cleanup, and are sent again.
    // The patience covers a deployment, which registers before it starts the new watchdog.
    name: 'CONNECTOR_DRIFT',
    conclusive: ({ connectAnswers }) => connectAnswers,
    wrong: ({ drift }) => (drift.length === 0 ? undefined : `the connector runs with other settings than the file's: ${drift.join(', ')}`),
    patienceMs: 20_000,
    steps: [putBack],
    optional: 'PUT_BACK',
  },
  {
    // A limit was lowered. Without a repair the task would always fail on the same row.
    name: 'EVENT_TOO_LARGE',
    conclusive: works,
    wrong: (facts) =>
      (facts.connector?.tasks ?? []).some(({ state, trace }) => state === 'FAILED' && trace?.includes('RecordTooLargeException'))
        ? 'Kafka refuses an event as too large: all others wait behind it'
        : undefined,
    patienceMs: 0,
    steps: [buryTooLarge],
  },
  {
    name: 'CONNECTOR_FAILED',
    conclusive: works,
    wrong: (facts) => failedParts(facts).join('; ') || undefined,
    patienceMs: 0,
    steps: upToNewSlot(restartFailed),
  },
  {
    // The patience is longer than a restart, and than the tasks of a dead worker wait to be taken over.
    name: 'CONNECTOR_IDLE',
    conclusive: ({ connectAnswers }) => connectAnswers,
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
    conclusive: (facts) => facts.slot !== undefined || works(facts),
    wrong: (facts) => (facts.slot === undefined && runs(facts) ? 'the connector runs without a slot' : undefined),
    patienceMs: 20_000,
    steps: [restartAll],
  },
  {
    // A task that lost its connection returns within seconds, unless it hangs. A running snapshot is not a fault:
    // restarting it would prevent it from ever finishing.
    name: 'SLOT_UNREAD',
    conclusive: (facts) => facts.slot?.active === true || works(facts),
    wrong: (facts) =>
      facts.slot?.active === false && runs(facts) && !facts.snapshot ? 'the connector runs and does not read its slot' : undefined,
    patienceMs: 45_000,
    steps: upToNewSlot(restartAll),
  },
  {
    // The task or its producer hangs, or something in the WAL blocks it.
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
