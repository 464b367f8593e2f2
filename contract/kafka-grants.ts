import { DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC, WORKER_TOPICS } from './names.ts';

// What each service may do on Kafka, and nothing more: the stack applies it, doctor compares it with what a broker has,
// and for a Kafka of your own it is the list to grant. READ, WRITE and the like include DESCRIBE; CREATE does not.

/** Who logs in to Kafka, by the name of its login. Besides them there is `admin`, the broker's super user. */
export const kafkaServices = ['register', 'connect', 'cleanup', 'watch', 'consumer', 'actions', 'operator', 'ui'] as const;
export type KafkaService = (typeof kafkaServices)[number];

export type Resource = 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' | 'CLUSTER';
export type Operation = 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'ALTER' | 'ALTER_CONFIGS';

/** One line of a broker's access list. */
export interface Grant {
  service: KafkaService;
  resource: Resource;
  /** `*` is every one. */
  name: string;
  /** Whether it is about every name that begins so. */
  prefixed: boolean;
  operation: Operation;
}

/** The names that settings can change: TOPIC, DEAD_LETTER_TOPIC and CLEANUP_GROUP. */
export interface GrantNames {
  topic?: string;
  deadLetterTopic?: string;
  cleanupGroup?: string;
}

/** The groups that the stack gives to the consumers of consumers-example. */
export const CONSUMER_GROUP = 'consumers-example';
export const ACTIONS_GROUP = 'actions';
const CLEANUP_GROUP = 'outbox-cleanup';
/** What the operator's commands and the Kafka UI read the topic as: a group for each time. */
export const OPERATOR_GROUPS = 'outbox-operate-';
const UI_GROUPS = 'kaskade-';
/** group.id of connect/worker.properties. */
const WORKER_GROUP = 'outbox-connect';

type Access = Omit<Grant, 'service' | 'operation'> & { operations: readonly Operation[] };

const access =
  (resource: Resource, prefixed = false) =>
  (name: string, ...operations: Operation[]): Access => ({ resource, name, prefixed, operations });
const topic = access('TOPIC');
const group = access('GROUP');
const groupsOf = access('GROUP', true);
const transactions = access('TRANSACTIONAL_ID');
const transactionsOf = access('TRANSACTIONAL_ID', true);
/** Kafka's own name for the only one. */
const cluster = (...operations: Operation[]) => access('CLUSTER')('kafka-cluster', ...operations);

/** Every grant of the pipeline, with the default names where none are given. */
export function kafkaGrants(names: GrantNames = {}): Grant[] {
  const { topic: events = EVENT_TOPIC, deadLetterTopic: deadLetters = DEAD_LETTER_TOPIC, cleanupGroup = CLEANUP_GROUP } = names;
  const reader = (own: string): Access[] => [topic(events, 'READ'), topic(deadLetters, 'WRITE'), group(own, 'READ')];
  const grants: Record<KafkaService, readonly Access[]> = {
    register: [
      ...[EVENT_TOPIC, DEAD_LETTER_TOPIC, HEARTBEAT_TOPIC].map((name) => topic(name, 'CREATE', 'DESCRIBE')),
      topic(EVENT_TOPIC, 'DESCRIBE_CONFIGS'),
      cluster('DESCRIBE_CONFIGS'),
    ],
    // The only one that writes events: a forged record would become a signed call.
    connect: [
      ...[EVENT_TOPIC, HEARTBEAT_TOPIC].map((name) => topic(name, 'WRITE')),
      ...WORKER_TOPICS.map((name) => topic(name, 'CREATE', 'READ', 'WRITE', 'DESCRIBE_CONFIGS')),
      group(WORKER_GROUP, 'READ'),
      // Exactly-once: the worker's own, and one for each task.
      transactions(`connect-cluster-${WORKER_GROUP}`, 'WRITE'),
      transactionsOf(`${WORKER_GROUP}-`, 'WRITE'),
    ],
    cleanup: [
      topic(events, 'READ', 'DESCRIBE_CONFIGS'),
      ...[cleanupGroup, `${cleanupGroup}-dry-run`].map((name) => group(name, 'READ')),
      // Groups that acknowledge can be named after the start of the stack: reading any position is harmless.
      group('*', 'DESCRIBE'),
    ],
    watch: [topic(EVENT_TOPIC, 'DESCRIBE_CONFIGS'), cluster('DESCRIBE_CONFIGS')],
    consumer: reader(CONSUMER_GROUP),
    actions: reader(ACTIONS_GROUP),
    operator: [
      // ALTER: repartition adds partitions. ALTER_CONFIGS: accept-topic sets cleanup.policy back to delete.
      topic(EVENT_TOPIC, 'READ', 'DESCRIBE_CONFIGS', 'ALTER', 'ALTER_CONFIGS'),
      ...[DEAD_LETTER_TOPIC, HEARTBEAT_TOPIC].map((name) => topic(name, 'DESCRIBE')),
      ...WORKER_TOPICS.map((name) => topic(name, 'DESCRIBE', 'DESCRIBE_CONFIGS')),
      // DESCRIBE: which groups there are, and this list itself.
      cluster('DESCRIBE', 'DESCRIBE_CONFIGS'),
      group('*', 'DESCRIBE'),
      groupsOf(OPERATOR_GROUPS, 'READ', 'DELETE'),
      // accept-topic sets back what lies beyond the end.
      group(cleanupGroup, 'DELETE'),
      ...[CONSUMER_GROUP, ACTIONS_GROUP].map((name) => group(name, 'READ')),
    ],
    // Looks only, and reads no topic but these two.
    ui: [
      topic('*', 'DESCRIBE', 'DESCRIBE_CONFIGS'),
      ...[EVENT_TOPIC, DEAD_LETTER_TOPIC].map((name) => topic(name, 'READ')),
      group('*', 'DESCRIBE'),
      groupsOf(UI_GROUPS, 'READ'),
      cluster('DESCRIBE', 'DESCRIBE_CONFIGS'),
    ],
  };
  return kafkaServices.flatMap((service) =>
    grants[service].flatMap(({ operations, ...about }) => operations.map((operation) => ({ service, ...about, operation }))),
  );
}
