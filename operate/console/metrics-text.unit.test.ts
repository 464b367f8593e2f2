import { expect, test } from 'vitest';
import { bucketsOf, parseMetrics, quantile, total } from './metrics-text.ts';

const text = `# HELP outbox_ingest_requests_total Answers by outcome
# TYPE outbox_ingest_requests_total counter
outbox_ingest_requests_total{outcome="recorded"} 12
outbox_ingest_requests_total{outcome="rate_limited"} 3
outbox_actions_attempts_total{target="a\\"b",answer="2xx"} 5
nodejs_heap_size_total_bytes 7
outbox_consumer_event_seconds_bucket{le="0.1"} 50
outbox_consumer_event_seconds_bucket{le="1"} 99
outbox_consumer_event_seconds_bucket{le="+Inf"} 100
outbox_cleanup_deleted_total NaN
`;

test("a scrape yields this project's own samples with their labels, and skips what is not a number", () => {
  const samples = parseMetrics(text);
  expect(samples).toHaveLength(6);
  expect(total(samples, 'outbox_ingest_requests_total')).toBe(15);
  expect(total(samples, 'outbox_ingest_requests_total', ({ outcome }) => outcome === 'recorded')).toBe(12);
  expect(samples.find(({ name }) => name === 'outbox_actions_attempts_total')?.labels.target).toBe('a"b');
  expect(total(samples, 'outbox_cleanup_deleted_total')).toBeUndefined();
});

test('a quantile covers the observations between two scrapes', () => {
  const after = bucketsOf(parseMetrics(text), 'outbox_consumer_event_seconds');
  const nothing = new Map<number, number>();
  expect(quantile(0.5, nothing, after)).toBeCloseTo(0.1);
  expect(quantile(0.25, nothing, after)).toBeCloseTo(0.05);
  // Above the last bound, the bound itself is the answer.
  expect(quantile(1, nothing, after)).toBe(1);
  expect(quantile(0.5, after, after)).toBeUndefined();
});
