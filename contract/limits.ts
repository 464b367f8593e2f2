/** The largest event that ingest accepts (a CHECK of the outbox), and what Kafka may add to it. */
export const MAX_EVENT_BYTES = 900_000;
export const RECORD_OVERHEAD_BYTES = 65_536;
