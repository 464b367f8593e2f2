/** Names that several services must agree on. */
export const CONNECTOR_NAME = 'zap-run-outbox';
/** The replication slot, and the publication that it streams. */
export const SLOT_NAME = 'zap_run_outbox';
export const EVENT_TOPIC = 'zap-run.events';
/** Where the connector's heartbeats go: Debezium's own prefix, and the connector's topic.prefix. */
export const HEARTBEAT_TOPIC = '__debezium-heartbeat.outbox';
/** Where the worker keeps the connector's position (worker.properties). */
export const OFFSET_TOPIC = 'outbox-connect.offsets';
/** All that the worker keeps. */
export const WORKER_TOPICS = ['outbox-connect.configs', OFFSET_TOPIC, 'outbox-connect.status'] as const;
export const DEAD_LETTER_TOPIC = `${EVENT_TOPIC}.dead-letter`;
export const EVENT_SUBJECT = `${EVENT_TOPIC}-value`;
