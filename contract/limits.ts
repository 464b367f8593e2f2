/** The largest event that ingest accepts (a CHECK of the outbox), and what Kafka may add to it. */
export const MAX_EVENT_BYTES = 900_000;
export const RECORD_OVERHEAD_BYTES = 65_536;

/** How often cleanup's reconciler looks, and how long after its start for the first time; `status` tells by it whether it is late. */
export const RECONCILE_EVERY_MS = 30_000;
