import { DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC, WORKER_TOPICS } from './names.ts';

// The complete list of what each service may do on Kafka. The stack applies it and the doctor compares a broker with it.
// On a Kafka of your own, grant this list. READ, WRITE, DELETE and ALTER include DESCRIBE; CREATE does not.

/** The names of the logins on Kafka, one per service. `admin`, the broker's super user, is not one of them. */
export const kafkaServices = ['register', 'connect', 'cleanup', 'watch', 'consumer', 'actions', 'operator', 'ui'] as const;
export type KafkaService = (typeof kafkaServices)[number];

export type Resource = 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' | 'CLUSTER';
export type Operation = 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'ALTER' | 'ALTER_CONFIGS';

/** One line of a broker's access list. */
export interface Grant {
  service: KafkaService;
  resource: Resource;
  /** `*` means every resource of this kind. */
  name: string;
  /** Whether the grant covers every name that begins with `name`. */
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
/** Prefixes of the groups that the operator's commands and the Kafka UI read with. Each run has a group of its own. */
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
/** `kafka-cluster` is Kafka's fixed name for the cluster. */
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
    // No other login writes events: an action would sign and send a forged one.
    connect: [
      ...[EVENT_TOPIC, HEARTBEAT_TOPIC].map((name) => topic(name, 'WRITE')),
      ...WORKER_TOPICS.map((name) => topic(name, 'CREATE', 'READ', 'WRITE', 'DESCRIBE_CONFIGS')),
      group(WORKER_GROUP, 'READ'),
      // Exactly-once uses one transactional id of the worker and one of each task.
      transactions(`connect-cluster-${WORKER_GROUP}`, 'WRITE'),
      transactionsOf(`${WORKER_GROUP}-`, 'WRITE'),
    ],
    cleanup: [
      topic(events, 'READ', 'DESCRIBE_CONFIGS'),
      ...[cleanupGroup, `${cleanupGroup}-dry-run`].map((name) => group(name, 'READ')),
      // ACK_GROUPS can change after the stack has started. Reading the position of any group is harmless.
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
      // DESCRIBE: lists the groups and the grants.
      cluster('DESCRIBE', 'DESCRIBE_CONFIGS'),
      group('*', 'DESCRIBE'),
      groupsOf(OPERATOR_GROUPS, 'READ', 'DELETE'),
      // accept-topic resets positions beyond the end.
      group(cleanupGroup, 'DELETE'),
      ...[CONSUMER_GROUP, ACTIONS_GROUP].map((name) => group(name, 'READ')),
    ],
    // Describes everything and reads only these two topics.
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

/** The grants for other names and for the default names, which doctor expects; each grant once. */
export function grantsToGive(names: GrantNames): Grant[] {
  const all = [...kafkaGrants(), ...kafkaGrants(names)];
  return [...new Map(all.map((grant) => [JSON.stringify(grant), grant])).values()];
}
