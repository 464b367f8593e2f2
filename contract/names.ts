/** Names that several services must agree on. */
export const CONNECTOR_NAME = 'zap-run-outbox';
export const EVENT_TOPIC = 'zap-run.events';
/** Where the worker keeps the connector's position (worker.properties). */
export const OFFSET_TOPIC = 'outbox-connect.offsets';
export const DEAD_LETTER_TOPIC = `${EVENT_TOPIC}.dead-letter`;
export const EVENT_SUBJECT = `${EVENT_TOPIC}-value`;
