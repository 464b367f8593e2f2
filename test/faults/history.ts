import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** One line of the history. `at` is the wall clock in milliseconds. Only the position in the file tells the order. */
export type Line =
  | { what: 'invoke'; at: number; op: string; zap: string; sha: string; key?: string }
  | { what: 'ok'; at: number; op: string; id: string }
  | { what: 'refused'; at: number; op: string; why: string }
  | { what: 'unknown'; at: number; op: string; why: string }
  | { what: 'inject'; at: number; step: number; fault: string; part?: string }
  | { what: 'heal'; at: number; step: number };

/** One event with all attempts to post it. */
export interface Op {
  /** Unique over all runs. It is in the body, so that a record identifies its event even without an answer. */
  op: string;
  /** `userId/zapId` */
  zap: string;
  /** SHA-256 of the metadata as it must arrive. */
  sha: string;
  key: string | undefined;
  /** ok: answered 200. refused: certainly not stored. unknown: may be stored, for ever. */
  status: 'ok' | 'refused' | 'unknown';
  /** Every id in an answer. More than one is a fault. */
  ids: string[];
  /** Why the last attempt was not answered 200. */
  why: string | undefined;
  /** Places in the history: the first attempt, and the last answer. Infinity without one. */
  invoked: number;
  answered: number;
  /** Wall clock, milliseconds. */
  invokedAt: number;
  answeredAt: number;
}

/** A fault from its start to its end, by the wall clock in milliseconds. */
export interface Span {
  step: number;
  fault: string;
  part: string | undefined;
  at: number;
  healedAt: number;
}

/** Distributes over the members of a union, as Omit does not. */
export type Said = Line extends infer L ? (L extends Line ? Omit<L, 'at'> : never) : never;

/**
 * An append-only file, shared by all who write to it. A line is in the kernel before `say` returns: it survives this
 * process, not this machine.
 */
export function openHistory(path: string) {
  const file = openSync(path, 'a');
  // A killed writer may have left half a line.
  writeSync(file, '\n');
  return {
    say: (line: Said) => void writeSync(file, `${JSON.stringify({ ...line, at: Date.now() })}\n`),
    close: () => {
      fsyncSync(file);
      closeSync(file);
    },
  };
}

export function readHistory(path: string): Line[] {
  return parseHistory(readFileSync(path, 'utf8'));
}

/** The complete lines. Half a line of a killed writer does not count: its attempt has no answer. */
export function parseHistory(text: string): Line[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}

/** Folds attempts into events: an attempt may be repeated with the same key and the same body. */
export function opsOf(lines: readonly Line[]): Op[] {
  const ops = new Map<string, Op>();
  /** Attempts of an event that may have been stored, as far as their answers tell. */
  const doubts = new Map<string, number>();
  const doubt = (op: string, change: number) => doubts.set(op, (doubts.get(op) ?? 0) + change);
  for (const [place, line] of lines.entries()) {
    if (line.what === 'inject' || line.what === 'heal') continue;
    if (line.what === 'invoke') {
      doubt(line.op, 1);
      if (!ops.has(line.op)) ops.set(line.op, begun(line, place));
      continue;
    }
    const op = ops.get(line.op);
    if (op === undefined) continue;
    op.answered = place;
    op.answeredAt = line.at;
    if (line.what === 'refused') doubt(line.op, -1);
    if (line.what !== 'ok') op.why = line.why;
    else if (!op.ids.includes(line.id)) op.ids.push(line.id);
  }
  for (const op of ops.values()) op.status = op.ids.length > 0 ? 'ok' : (doubts.get(op.op) ?? 0) > 0 ? 'unknown' : 'refused';
  return [...ops.values()];
}

function begun({ op, zap, sha, key, at }: Line & { what: 'invoke' }, place: number): Op {
  const open = { status: 'unknown' as const, why: 'no answer', answered: Infinity, answeredAt: Infinity };
  return { op, zap, sha, key, ...open, ids: [], invoked: place, invokedAt: at };
}

/** @param end the end of a fault that was never healed */
export function spansOf(lines: readonly Line[], end: number): Span[] {
  const spans = new Map<number, Span>();
  for (const line of lines) {
    if (line.what === 'inject') {
      const { step, fault, part, at } = line;
      spans.set(step, { step, fault, part, at, healedAt: end });
    } else if (line.what === 'heal') {
      const span = spans.get(line.step);
      if (span !== undefined) span.healedAt = line.at;
    }
  }
  return [...spans.values()];
}
