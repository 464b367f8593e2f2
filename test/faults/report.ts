import type { Facts, Violation } from './facts.ts';
import type { Op, Span } from './history.ts';
import { deletions, type Index } from './lookup.ts';
import { recoveries } from './recovery.ts';

/** The totals of one kind of fault. */
export interface Row {
  fault: string;
  times: number;
  accepted: number;
  refused: number;
  unknown: number;
  lost: number;
  repeated: number;
  reordered: number;
  early: number;
  actions: number;
  /** The longest, in seconds; undefined when it was never seen to end. */
  emptyAfter: number | undefined;
  quickAfter: number | undefined;
}

/** Everything from the start of a fault to the start of the next counts for it. */
export function rowsOf(index: Index, violations: readonly Violation[]): Row[] {
  const { facts } = index;
  const spans = facts.spans.toSorted((a, b) => a.at - b.at);
  const rows = new Map<string, Row>();
  const rowAt = (at: number) => rowOf(rows, nameOf(spanAt(spans, at)));
  for (const span of spans) rowOf(rows, nameOf(span)).times += 1;
  for (const { status, invokedAt } of facts.ops) rowAt(invokedAt)[status === 'ok' ? 'accepted' : status] += 1;
  for (const records of index.recordsOf.values()) for (const { appendedAt } of records.slice(1)) rowAt(appendedAt).repeated += 1;
  const gone = deletions(facts.audit);
  for (const { invariant, op, id } of violations) {
    const at = index.byOp.get(op ?? '')?.invokedAt ?? gone.get(id ?? '') ?? 0;
    if (invariant === 'I1') rowAt(at).lost += 1;
    else if (invariant === 'I4') rowAt(at).reordered += 1;
    else if (invariant === 'I5') rowAt(gone.get(id ?? '') ?? at).early += 1;
    else if (invariant === 'I8') rowAt(at).actions += 1;
  }
  for (const { span, emptyAfter, quickAfter } of recoveries(index)) {
    const row = rowOf(rows, nameOf(span));
    row.emptyAfter = longest(row.emptyAfter, emptyAfter);
    row.quickAfter = longest(row.quickAfter, quickAfter);
  }
  return [...rows.values()].sort((a, b) => (a.fault < b.fault ? -1 : 1));
}

export const longest = (a: number | undefined, b: number | undefined) => (a === undefined ? b : b === undefined ? a : Math.max(a, b));
const nameOf = (span: Span | undefined) => (span === undefined ? 'before the first' : [span.fault, span.part].filter(Boolean).join(' '));

function spanAt(spans: readonly Span[], at: number): Span | undefined {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.at ?? 0) > at) high = middle;
    else low = middle + 1;
  }
  return spans[low - 1];
}

function rowOf(rows: Map<string, Row>, fault: string): Row {
  const none = { times: 0, accepted: 0, refused: 0, unknown: 0, lost: 0, repeated: 0, reordered: 0, early: 0, actions: 0 };
  const row = rows.get(fault) ?? { fault, ...none, emptyAfter: undefined, quickAfter: undefined };
  rows.set(fault, row);
  return row;
}

const columns: readonly [title: string, value: (row: Row) => string | number][] = [
  ['fault', ({ fault }) => fault],
  ['times', ({ times }) => times],
  ['accepted', ({ accepted }) => accepted],
  ['refused', ({ refused }) => refused],
  ['unknown', ({ unknown }) => unknown],
  ['lost', ({ lost }) => lost],
  ['repeated', ({ repeated }) => repeated],
  ['reordered', ({ reordered }) => reordered],
  ['deleted early', ({ early }) => early],
  ['actions missing', ({ actions }) => actions],
  ['s until empty', ({ emptyAfter }) => emptyAfter?.toFixed(1) ?? '–'],
  ['s until p99 < 1 s', ({ quickAfter }) => quickAfter ?? '–'],
];

/** A Markdown table, with the sums of all rows last. */
export function tableOf(rows: readonly Row[]): string {
  const sum = (pick: (row: Row) => number) => rows.reduce((all, row) => all + pick(row), 0);
  const total: Row = {
    fault: 'all',
    times: sum(({ times }) => times),
    accepted: sum(({ accepted }) => accepted),
    refused: sum(({ refused }) => refused),
    unknown: sum(({ unknown }) => unknown),
    lost: sum(({ lost }) => lost),
    repeated: sum(({ repeated }) => repeated),
    reordered: sum(({ reordered }) => reordered),
    early: sum(({ early }) => early),
    actions: sum(({ actions }) => actions),
    emptyAfter: rows.map((row) => row.emptyAfter).reduce(longest, undefined),
    quickAfter: rows.map((row) => row.quickAfter).reduce(longest, undefined),
  };
  const cells = [columns.map(([title]) => title), ...[...rows, total].map((row) => columns.map(([, value]) => String(value(row))))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const print = (line: string[]) =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const [head = [], ...body] = cells;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [print(head), rule, ...body.map(print)].join('\n');
}

/** The violations, the first few of each invariant with all that is known about their event. */
export function explain(facts: Facts, violations: readonly Violation[], most = 3): string {
  const told = new Map<string, number>();
  const lines: string[] = [];
  for (const violation of violations) {
    const count = (told.get(violation.invariant) ?? 0) + 1;
    told.set(violation.invariant, count);
    if (count > most) continue;
    lines.push(`${violation.invariant} ${violation.says}`, ...storyOf(facts, violation).map((line) => `    ${line}`));
  }
  for (const [invariant, count] of told) if (count > most) lines.push(`${invariant} … and ${count - most} more`);
  return lines.join('\n');
}

/** The facts about one event, and the faults near it, by time. */
function storyOf(facts: Facts, { op: name, id: known }: Violation): string[] {
  const op = facts.ops.find((one) => one.op === name);
  const ids = new Set([known, ...(op?.ids ?? []), ...facts.runs.filter((run) => run.op === name).map(({ id }) => id)]);
  const events: [at: number, text: string][] = [
    ...(op === undefined ? [] : ofOp(op)),
    ...facts.audit
      .filter(({ id }) => ids.has(id))
      .map((row): [number, string] => [row.at, `outbox    ${row.what} ${row.id} (tx ${row.tx})`]),
    ...facts.records
      .filter(({ id }) => ids.has(id))
      .map((r): [number, string] => [r.appendedAt, `topic     ${r.partition}:${r.offset} key ${r.key} resends ${r.resends}`]),
    ...facts.calls
      .filter(({ webhookId }) => ids.has(webhookId.slice(0, 36)))
      .map((c): [number, string] => [c.at, `action    ${c.target} ${c.answered ? c.status : 'cut off'}`]),
  ];
  if (events.length === 0) return [];
  const times = events.map(([at]) => at).filter(Number.isFinite);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  for (const span of facts.spans) {
    if (span.healedAt < first - 2000 || span.at > last + 2000) continue;
    events.push([span.at, `nemesis   ${nameOf(span)} begins (step ${span.step})`], [span.healedAt, `nemesis   ${nameOf(span)} ends`]);
  }
  events.sort(([a], [b]) => a - b);
  return events.map(([at, text]) => `${((at - first) / 1000).toFixed(3).padStart(9)} s  ${text}`);
}

function ofOp(op: Op): [number, string][] {
  const outcome = op.status === 'ok' ? `200 ${op.ids.join(', ')}` : `${op.status}: ${op.why}`;
  const invoked: [number, string] = [op.invokedAt, `driver    posts ${op.op} to ${op.zap}${op.key === undefined ? '' : ' with a key'}`];
  return op.answeredAt === Infinity ? [invoked] : [invoked, [op.answeredAt, `driver    ${outcome}`]];
}
