import { bucketsOf, quantile, total, type Buckets, type Sample } from './metrics-text.ts';
import type { Snapshot, Service } from './sources.ts';

/** The values drawn for one snapshot, in seconds, events and events per second; null when unknown. */
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
/** Quantiles cover this many seconds. */
const QUANTILE_MS = 10_000;
const EVENT_SECONDS = 'outbox_consumer_event_seconds';

interface Counted {
  at: number;
  value: number;
  rate: number | null;
}

type Rate = 'accepted' | 'published' | 'deleted' | 'calls';

/** The last hour, in memory: one point per snapshot. */
export class History {
  readonly #points: Point[] = [];
  readonly #counted = new Map<Rate, Counted>();
  #buckets: { at: number; buckets: Buckets }[] = [];

  get points(): readonly Point[] {
    return this.#points;
  }

  /** @returns the snapshot as a point, with rates since the previous scrape */
  add(snapshot: Snapshot): Point {
    const of = (service: Service): readonly Sample[] | undefined => snapshot.samples.get(service);
    const counter = (service: Service, name: string, fits?: Parameters<typeof total>[2]) => {
      const samples = of(service);
      // A counter with labels exists only once it has counted.
      return samples === undefined ? undefined : (total(samples, name, fits) ?? 0);
    };
    const [oldest, newest] = this.#quantileWindow(
      snapshot,
      bucketsOf([...(of('consumer') ?? []), ...(of('actions') ?? [])], EVENT_SECONDS),
    );
    const lags = snapshot.groups.map(({ lag }) => lag);
    const point = {
      at: snapshot.at,
      accepted: this.#rate(
        'accepted',
        snapshot.metricsAt,
        counter('ingest', 'outbox_ingest_requests_total', ({ outcome }) => outcome === 'recorded'),
      ),
      published: this.#rate('published', snapshot.kafkaAt, snapshot.end),
      deleted: this.#rate('deleted', snapshot.metricsAt, counter('cleanup', 'outbox_cleanup_deleted_total')),
      calls: this.#rate('calls', snapshot.metricsAt, counter('actions', 'outbox_actions_attempts_total')),
      p50: quantile(0.5, oldest, newest) ?? null,
      p99: quantile(0.99, oldest, newest) ?? null,
      depth: snapshot.outbox?.rows ?? null,
      lag: lags.length === 0 ? null : Math.max(...lags),
    };
    // The page was closed meanwhile: draw a gap, not a line.
    const last = this.#points.at(-1);
    if (last !== undefined && snapshot.at - last.at > 5000) this.#points.push(emptyAt(last.at + 1000));
    this.#points.push(point);
    while ((this.#points[0]?.at ?? Infinity) < snapshot.at - KEPT_MS) this.#points.shift();
    this.#ends.push({ at: snapshot.kafkaAt, end: snapshot.end });
    while ((this.#ends[0]?.at ?? Infinity) < snapshot.at - KEPT_MS) this.#ends.shift();
    return point;
  }

  /** A counter that fell was restarted, so its value is the increase. */
  #rate(name: Rate, at: number, value: number | undefined): number | null {
    const before = this.#counted.get(name);
    if (value === undefined) {
      this.#counted.delete(name);
      return null;
    }
    if (before?.at === at) return before.rate;
    const came = before === undefined ? null : value >= before.value ? value - before.value : value;
    const rate = before === undefined || came === null ? null : came / Math.max(0.2, (at - before.at) / 1000);
    this.#counted.set(name, { at, value, rate });
    return rate;
  }

  #quantileWindow({ metricsAt }: Snapshot, buckets: Buckets): [Buckets, Buckets] {
    if (this.#buckets.at(-1)?.at !== metricsAt)
      this.#buckets = [...this.#buckets.filter(({ at }) => metricsAt - at <= QUANTILE_MS), { at: metricsAt, buckets }];
    return [this.#buckets[0]?.buckets ?? buckets, buckets];
  }

  readonly #ends: { at: number; end: number | undefined }[] = [];

  /** For how many seconds the oldest unhandled event of a group has been on the topic, as far as snapshots show. */
  secondsBehind(snapshot: Snapshot, lag: number): number | undefined {
    if (snapshot.end === undefined) return undefined;
    if (lag === 0) return 0;
    const position = snapshot.end - lag;
    const before = this.#ends.findLast(({ end }) => end !== undefined && end <= position);
    const since = before ?? this.#ends[0];
    return since === undefined ? undefined : Math.max(0, (snapshot.at - since.at) / 1000);
  }

  /** The points by column, in the order of `series`, as charts need them. */
  columns(): (number | null)[][] {
    return series.map((name) => this.#points.map((point) => rounded(point[name])));
  }
}

const rounded = (value: number | null) => (value === null ? null : Math.round(value * 10_000) / 10_000);
const emptyAt = (at: number): Point => ({
  ...{ at, accepted: null, published: null, deleted: null, calls: null },
  ...{ p50: null, p99: null, depth: null, lag: null },
});
