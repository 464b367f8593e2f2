import type { Op, Span } from './history.ts';

// The input of the checker: one run as five sides saw it. Times are the wall clock of one machine, in milliseconds since
// 1970.

/** A record of the topic, as the witness read it. In the order of partition and offset. */
export interface TopicRecord {
  partition: number;
  offset: number;
  /** When the broker appended it. */
  appendedAt: number;
  key: string;
  /** The header `id`. */
  id: string;
  resends: number;
  /** SHA-256 of the whole value. */
  sha: string;
  /** From inside the value. */
  event: { id: string; zap: string; metadataSha: string; op: string };
}

/** A change of an outbox row, recorded by the audit's triggers. `tx` distinguishes a moved row from a deleted one. */
export interface AuditRow {
  id: string;
  what: 'insert' | 'delete';
  at: number;
  tx: string;
}

/** A row of zap_run. */
export interface Run {
  id: string;
  op: string;
}

/** A call that arrived at the receiver of actions, with its answer. `answered` is false when the connection was cut. */
export interface Call {
  at: number;
  target: string;
  webhookId: string;
  sha: string;
  verified: boolean;
  answered: boolean;
  status: number;
}

/** When a group committed past an offset of a partition. */
export interface Commit {
  group: string;
  partition: number;
  offset: number;
  at: number;
}

export interface Facts {
  ops: readonly Op[];
  spans: readonly Span[];
  records: readonly TopicRecord[];
  audit: readonly AuditRow[];
  runs: readonly Run[];
  /** Ids that are still in the outbox, and those in outbox_dead, after everything had time to come to rest. */
  left: readonly string[];
  dead: readonly string[];
  /** Ids that the typed consumer logged as handled. */
  handled: ReadonlySet<string>;
  calls: readonly Call[];
  /** Which targets each zap's events must reach. */
  targets: readonly string[];
  commits: readonly Commit[];
  /** Groups that must have committed past a record before its row is deleted. */
  ackGroups: readonly string[];
  /** What was not at rest in the end: a failed task, a lag, a part that is down. */
  unrest: readonly string[];
  /** Where one of the passwords or the canary was found: files and topics. */
  leaks: readonly string[];
  /** Bytes of WAL that the slot still holds in the end. */
  retainedWal: number;
}

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11' | 'I12';

/** A broken promise. */
export interface Violation {
  invariant: Invariant;
  /** What happened, in one sentence. */
  says: string;
  op?: string;
  id?: string;
  zap?: string;
}

/** What a run may cost without breaking a promise. */
export interface Bounds {
  /** Repeats in all; undefined: not limited. */
  repeats: number | undefined;
  /** Seconds until 99 of 100 events are on the topic within a second again. */
  recoverSeconds: number;
  /** Bytes. */
  retainedWal: number;
  /** Whether the clocks of the machine may be compared: not after a step of the clock. */
  clocks: boolean;
}
