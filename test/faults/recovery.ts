import type { Facts, TopicRecord } from './facts.ts';
import type { Span } from './history.ts';
import { deletions } from './lookup.ts';

export interface Recovery {
  span: Span;
  /** Seconds from the end of the fault until the last row that was written before it was gone; undefined when one never went. */
  emptyAfter: number | undefined;
  /** Seconds from the end of the fault until p99 is below a second; undefined when the next fault began before. */
  quickAfter: number | undefined;
}

const QUICK_MS = 1000;
/** How long it must stay fast to count as recovered. */
const STEADY_SECONDS = 3;

interface Seen {
  facts: Facts;
  firstOf: ReadonlyMap<string, TopicRecord>;
}

/** How long it took after each fault until everything was as before. */
export function recoveries({ facts, firstOf }: Seen): Recovery[] {
  const gone = deletions(facts.audit);
  const inserted = facts.audit.filter(({ what }) => what === 'insert').map(({ id, at }) => ({ at, gone: gone.get(id) ?? Infinity }));
  const spans = facts.spans.toSorted((a, b) => a.at - b.at);
  const seconds = secondsOf({ facts, firstOf });
  return spans.map((span, index) => {
    const last = inserted.reduce((most, row) => (row.at <= span.healedAt && row.gone > most ? row.gone : most), span.healedAt);
    const emptyAfter = last === Infinity ? undefined : (last - span.healedAt) / 1000;
    return { span, emptyAfter, quickAfter: quickAfter(seconds, span.healedAt, spans[index + 1]?.at ?? Infinity) };
  });
}

/** The events accepted in one second of the wall clock, and how many of them were late. */
interface Second {
  posts: number;
  accepted: number;
  late: number;
}

function secondsOf({ facts, firstOf }: Seen): Map<number, Second> {
  const seconds = new Map<number, Second>();
  for (const { op, status, invokedAt, answeredAt } of facts.ops) {
    const at = Math.floor((status === 'ok' ? answeredAt : invokedAt) / 1000);
    const second = seconds.get(at) ?? { posts: 0, accepted: 0, late: 0 };
    seconds.set(at, second);
    second.posts += 1;
    if (status !== 'ok') continue;
    second.accepted += 1;
    const appendedAt = firstOf.get(op)?.appendedAt ?? Infinity;
    if (appendedAt - answeredAt >= QUICK_MS) second.late += 1;
  }
  return seconds;
}

const isQuick = (second: Second | undefined) => second === undefined || (second.accepted > 0 && second.late <= second.accepted / 100);

function quickAfter(seconds: ReadonlyMap<number, Second>, healedAt: number, until: number): number | undefined {
  const begin = Math.ceil(healedAt / 1000);
  const end = Math.min(Math.floor(until / 1000), Math.max(begin, ...seconds.keys()) + 1);
  for (let at = begin; at < end; at += 1) {
    const stretch = Array.from({ length: STEADY_SECONDS }, (_, index) => at + index).filter((second) => second < end);
    if (stretch.every((second) => isQuick(seconds.get(second)))) return at - begin;
  }
  return undefined;
}
