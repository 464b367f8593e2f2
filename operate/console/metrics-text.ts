/** One line of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
/** The page does not use the hundred lines about the process. */
const OURS = /^outbox_(ingest_requests_total|cleanup_deleted_total|actions_attempts_total|consumer_event_seconds_bucket)/;

/** The samples of this project's own metrics in a scrape. Other lines are skipped. */
export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (!OURS.test(line)) continue;
    const [, name = '', labels = '', value = ''] = LINE.exec(line) ?? [];
    const number = Number(value);
    if (name === '' || Number.isNaN(number)) continue;
    const pairs = [...labels.matchAll(LABEL)].map(([, key = '', of = '']) => [key, of.replace(/\\(["\\])/g, '$1')] as const);
    samples.push({ name, labels: Object.fromEntries(pairs), value: number });
  }
  return samples;
}

/** The sum over all copies and labels. @returns undefined when no sample has the metric */
export function total(
  samples: readonly Sample[],
  name: string,
  fits: (labels: Sample['labels']) => boolean = () => true,
): number | undefined {
  const found = samples.filter((sample) => sample.name === name && fits(sample.labels));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

/** Upper bound → count up to it, over all copies. */
export type Buckets = ReadonlyMap<number, number>;

export function bucketsOf(samples: readonly Sample[], name: string): Buckets {
  const buckets = new Map<number, number>();
  for (const { labels, value } of samples.filter((sample) => sample.name === `${name}_bucket`)) {
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return buckets;
}

/**
 * The quantile `q` of the observations between two scrapes, as Prometheus' histogram_quantile computes it.
 *
 * @returns seconds; undefined without observations
 */
export function quantile(q: number, before: Buckets, after: Buckets): number | undefined {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const since = bounds.map((bound) => Math.max(0, (after.get(bound) ?? 0) - (before.get(bound) ?? 0)));
  const all = since.at(-1) ?? 0;
  if (all <= 0) return undefined;
  const at = since.findIndex((count) => count >= q * all);
  const [lower, upper] = [bounds[at - 1] ?? 0, bounds[at] ?? 0];
  if (upper === Infinity) return lower;
  const [below, upTo] = [since[at - 1] ?? 0, since[at] ?? 0];
  return lower + ((upper - lower) * (q * all - below)) / Math.max(1, upTo - below);
}
