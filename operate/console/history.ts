import { bucketsOf, quantile, total, type Buckets, type Sample } from './metrics-text.ts';
import type { Look, Service } from './look.ts';

/** What is drawn of one look; null where it was not known. Seconds, events, events per second. */
export interface Point {
  at: number;
  accepted: number | null;
  published: number | null;
  deleted: number | null;
  calls: number | null;
  p50: number | null;
  p99: number | null;
  depth: number | null;
  lag: number | null;
}

export const series = ['at', 'accepted', 'published', 'deleted', 'calls', 'p50', 'p99', 'depth', 'lag'] as const;

const KEPT_MS = 3_600_000;
/** Quantiles are of what came within so many seconds. */
const QUANTILE_MS = 10_000;

interface Counters {
  at: number;
  accepted: number | undefined;
  published: number | undefined;
  deleted: number | undefined;
  calls: number | undefined;
  buckets: Buckets;
}

/** The last hour, in memory: one point for each look. */
export class History {
  readonly #points: Point[] = [];
  #recent: Counters[] = [];

  get points(): readonly Point[] {
    return this.#points;
  }

  /** @returns the look as a point: rates since the look before it */
  add(look: Look): Point {
    const now = countersOf(look);
    const before = this.#recent.at(-1);
    const rate = (name: 'accepted' | 'published' | 'deleted' | 'calls') => ratePerSecond(before, now, name);
    this.#recent = [...this.#recent.filter(({ at }) => now.at - at <= QUANTILE_MS), now];
    const oldest = this.#recent[0] ?? now;
    const lags = look.groups.map(({ lag }) => lag);
    const point = {
      at: look.at,
      ...{ accepted: rate('accepted'), published: rate('published'), deleted: rate('deleted'), calls: rate('calls') },
      p50: quantile(0.5, oldest.buckets, now.buckets) ?? null,
      p99: quantile(0.99, oldest.buckets, now.buckets) ?? null,
      depth: look.outbox?.rows ?? null,
      lag: lags.length === 0 ? null : Math.max(...lags),
    };
    // Nobody looked meanwhile: a gap, not a line across it.
    const last = this.#points.at(-1);
    if (last !== undefined && look.at - last.at > 5000) this.#points.push(emptyAt(last.at + 1000));
    this.#points.push(point);
    while ((this.#points[0]?.at ?? Infinity) < look.at - KEPT_MS) this.#points.shift();
    this.#ends.push({ at: look.at, end: look.end });
    while ((this.#ends[0]?.at ?? Infinity) < look.at - KEPT_MS) this.#ends.shift();
    return point;
  }

  readonly #ends: { at: number; end: number | undefined }[] = [];

  /** For how many seconds what a group has not handled has been on the topic, as far as it was seen. */
  secondsBehind(look: Look, lag: number): number | undefined {
    if (look.end === undefined) return undefined;
    if (lag === 0) return 0;
    const position = look.end - lag;
    const before = this.#ends.findLast(({ end }) => end !== undefined && end <= position);
    const since = before ?? this.#ends[0];
    return since === undefined ? undefined : Math.max(0, (look.at - since.at) / 1000);
  }

  /** By column, as charts want it: small, and the same order as `series`. */
  columns(): (number | null)[][] {
    return series.map((name) => this.#points.map((point) => rounded(point[name])));
  }
}

const rounded = (value: number | null) => (value === null ? null : Math.round(value * 10_000) / 10_000);
const emptyAt = (at: number): Point => ({
  ...{ at, accepted: null, published: null, deleted: null, calls: null },
  ...{ p50: null, p99: null, depth: null, lag: null },
});

function countersOf({ at, end, samples }: Look): Counters {
  const of = (service: Service): readonly Sample[] => samples.get(service) ?? [];
  return {
    at,
    accepted:
      total(of('ingest'), 'ingest_requests_total', ({ outcome }) => outcome === 'recorded') ?? (samples.has('ingest') ? 0 : undefined),
    published: end,
    deleted: total(of('cleanup'), 'outbox_deleted_total'),
    calls: total(of('actions'), 'actions_attempts_total') ?? (samples.has('actions') ? 0 : undefined),
    buckets: bucketsOf([...of('consumer'), ...of('actions')], 'consumer_event_seconds'),
  };
}

/** A counter that fell was started again: what it has now came since. */
function ratePerSecond(before: Counters | undefined, now: Counters, name: 'accepted' | 'published' | 'deleted' | 'calls'): number | null {
  const [from, to] = [before?.[name], now[name]];
  if (before === undefined || from === undefined || to === undefined) return null;
  return (to >= from ? to - from : to) / Math.max(0.2, (now.at - before.at) / 1000);
}
