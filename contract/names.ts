/** Names that several services must agree on. */
export const CONNECTOR_NAME = 'zap-run-outbox';
/** The replication slot, and the publication that it streams. */
export const SLOT_NAME = 'zap_run_outbox';
export const EVENT_TOPIC = 'zap-run.events';
/** The topic of the connector's heartbeats: Debezium's prefix and the connector's topic.prefix. */
export const HEARTBEAT_TOPIC = '__debezium-heartbeat.outbox';
/** The topic in which the worker stores the connector's position (worker.properties). */
export const OFFSET_TOPIC = 'outbox-connect.offsets';
/** All topics of the worker. */
export const WORKER_TOPICS = ['outbox-connect.configs', OFFSET_TOPIC, 'outbox-connect.status'] as const;
export const DEAD_LETTER_TOPIC = `${EVENT_TOPIC}.dead-letter`;
export const EVENT_SUBJECT = `${EVENT_TOPIC}-value`;
