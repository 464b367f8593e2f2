/** The largest event that ingest accepts (a CHECK of the outbox), and what Kafka may add to it. */
export const MAX_EVENT_BYTES = 900_000;
export const RECORD_OVERHEAD_BYTES = 65_536;
/** What producer, topic and broker must take: one record that is refused stops all events. */
export const NEEDED_RECORD_BYTES = MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES;
/** The producer's own limit, in the connector's configuration, and what Kafka's client has where it is not set. */
export const PRODUCER_LIMIT = { key: 'producer.override.max.request.size', fallback: 1_048_576 };

/** How often cleanup's reconciler looks, and how long after its start for the first time; `status` tells by it whether it is late. */
export const RECONCILE_EVERY_MS = 30_000;
