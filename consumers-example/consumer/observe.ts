import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export type ConsumerMetrics = ReturnType<typeof createConsumerMetrics>;

/** The metrics of a consumer. */
export function createConsumerMetrics(registry: Registry) {
  const registers = [registry];
  return {
    records: new Counter({
      name: 'outbox_consumer_records_total',
      help: 'Finished records, by outcome: handled or dead_letter',
      labelNames: ['outcome'] as const,
      registers,
    }),
    failures: new Counter({
      name: 'outbox_consumer_failures_total',
      help: 'Failed attempts that were retried, by code',
      labelNames: ['code'] as const,
      registers,
    }),
    handling: new Histogram({
      name: 'outbox_consumer_handling_seconds',
      help: 'Duration of one call of the handler',
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 30],
      registers,
    }),
    age: new Histogram({
      name: 'outbox_consumer_event_seconds',
      help: "From the webhook's receipt, by the time in the event's id, to the end of its handler",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    }),
    lag: new Gauge({
      name: 'outbox_consumer_lag_records',
      help: 'Offsets between the committed position and the stable end, of the partitions of this member',
      labelNames: ['partition'] as const,
      registers,
    }),
    skipped: new Counter({
      name: 'outbox_consumer_skipped_records_total',
      help: 'Offsets that were removed from the topic before this group read them. Alarm on any',
      registers,
    }),
  };
}
