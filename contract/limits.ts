/** The largest event that ingest accepts (a CHECK of the outbox), and the most that Kafka adds to it. */
export const MAX_EVENT_BYTES = 900_000;
export const RECORD_OVERHEAD_BYTES = 65_536;
/** The record size that producer, topic and broker must accept. One refused record stops all events. */
export const NEEDED_RECORD_BYTES = MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES;
/** The producer's limit: its key in the connector's configuration, and the default of Kafka's client. */
export const PRODUCER_LIMIT = { key: 'producer.override.max.request.size', fallback: 1_048_576 };

/** The interval of cleanup's reconciler, and the wait before its first round. `status` reports a reconciler that is late. */
export const RECONCILE_EVERY_MS = 30_000;
