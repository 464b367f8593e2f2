import { readFileSync } from 'node:fs';
import { kafkaGrants, kafkaServices, type Grant, type KafkaService } from '../../contract/kafka-grants.ts';
import { CONNECTOR_NAME } from '../../contract/names.ts';
import { topicPlans, type TopicPlan } from '../../contract/topics.ts';
import { operationName } from '../../kit/kafka-acls.ts';
import {
  CONNECT_CLUSTER,
  CONNECT_POSTGRES_CA,
  containerSecurity,
  fromConnections,
  fromSecret,
  KAFKA_CLUSTER,
  labels,
  mounts,
  postgresCa,
  volumes,
  type Manifest,
} from './manifest.ts';
import { connectPolicy } from './network.ts';

// Strimzi's resources, made from the same files and rules as the other ways to run.

const API = 'kafka.strimzi.io/v1';
const of = (cluster: string, part: string) => ({ ...labels(part), 'strimzi.io/cluster': cluster });
const read = (path: string) => readFileSync(new URL(`../../connect/${path}`, import.meta.url), 'utf8');

/** connect/outbox-connector.json. The class and the number of tasks have separate fields. */
export function connector(): Manifest {
  const { 'connector.class': kind, 'tasks.max': tasks, ...config } = JSON.parse(read('outbox-connector.json')) as Record<string, string>;
  return {
    apiVersion: API,
    kind: 'KafkaConnector',
    metadata: { name: CONNECTOR_NAME, labels: of(CONNECT_CLUSTER, 'connect') },
    // The watchdog restarts failed tasks.
    spec: { class: kind, tasksMax: Number(tasks), autoRestart: { enabled: false }, config },
  };
}

/** Strimzi sets these itself or has fields for them. */
const ITS_OWN = /^((producer|consumer|admin)\.)?(security|sasl)\.|^(bootstrap\.servers|listeners|rest\.|plugin\.path|group\.id)/;
/** Strimzi uses it for log levels. */
const LEFT_OUT = ['admin.listeners'];
const VARIABLES: Record<string, string> = { CONNECT_REPLICATION_FACTOR: '3', CONNECT_EXACTLY_ONCE: 'disabled' };

/** How the connector reaches Postgres, from the ConfigMap. */
const DATABASE = ['HOST', 'PORT', 'NAME', 'USER', 'SSLMODE', 'SSLROOTCERT'];

/** All of connect/worker.properties, with the variables of a deployment filled in. */
export function workerProperties(): Map<string, string> {
  const lines = read('worker.properties').split('\n');
  const given = lines.flatMap((line) => {
    const [, name = '', text = ''] = /^([^#=\s]+)=(.*)$/.exec(line) ?? [];
    return name === '' ? [] : [[name, text.replace(/\$\{env:(\w+)\}/g, (all, variable: string) => VARIABLES[variable] ?? all)] as const];
  });
  return new Map(given);
}

export function connect(version: string): Manifest {
  // Strimzi mounts volumes below /mnt only.
  const ca = { ...postgresCa, path: CONNECT_POSTGRES_CA };
  const all = workerProperties();
  const storage = ['config.storage.topic', 'offset.storage.topic', 'status.storage.topic'] as const;
  const config = [...all].filter(([name]) => !ITS_OWN.test(name) && !LEFT_OUT.includes(name) && !storage.some((one) => one === name));
  const [configTopic, offsetTopic, statusTopic] = storage.map((name) => all.get(name));
  return {
    apiVersion: API,
    kind: 'KafkaConnect',
    metadata: {
      name: CONNECT_CLUSTER,
      labels: labels('connect'),
      annotations: { 'strimzi.io/use-connector-resources': 'true' },
    },
    spec: {
      version: /<kafka.version>(.+)<\/kafka.version>/.exec(read('pom.xml'))?.[1],
      replicas: 2,
      bootstrapServers: `${KAFKA_CLUSTER}-kafka-bootstrap:9093`,
      groupId: all.get('group.id'),
      configStorageTopic: configTopic,
      offsetStorageTopic: offsetTopic,
      statusStorageTopic: statusTopic,
      tls: { trustedCertificates: [{ secretName: `${KAFKA_CLUSTER}-cluster-ca-cert`, pattern: '*.crt' }] },
      authentication: { type: 'scram-sha-512', username: 'connect', passwordSecret: { secretName: 'connect', password: 'password' } },
      config: Object.fromEntries(config),
      build: {
        output: { type: 'docker', image: `registry.example.com/webhook-outbox-connect:${version}`, pushSecret: 'registry-push' },
        plugins: [{ name: 'outbox', artifacts: [{ type: 'tgz', url: `https://artifacts.example.com/outbox-plugin-${version}.tar.gz` }] }],
      },
      jvmOptions: { '-Xms': '256m', '-Xmx': '512m' },
      resources: { requests: { cpu: '250m', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } },
      template: {
        pod: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          volumes: volumes([ca]),
        },
        connectContainer: {
          securityContext: containerSecurity,
          volumeMounts: mounts([ca]),
          env: [
            ...DATABASE.map((name) => fromConnections(`CDC_DATABASE_${name}`)),
            fromSecret('CDC_DATABASE_PASSWORD', 'outbox-postgres', 'cdc'),
          ],
        },
      },
    },
  };
}

/** Kubernetes' names cannot begin with an underscore. */
const resourceName = (topic: string) => topic.replace(/^_+/, '');

export const topics = (): Manifest[] =>
  topicPlans({
    TOPIC_PARTITIONS: 6,
    TOPIC_REPLICATION_FACTOR: 3,
    TOPIC_RETENTION_HOURS: 168,
    DEAD_LETTER_RETENTION_HOURS: 2160,
  }).map(({ topic, partitions, replicationFactor, config }: TopicPlan) => ({
    apiVersion: API,
    kind: 'KafkaTopic',
    metadata: { name: resourceName(topic), labels: of(KAFKA_CLUSTER, 'topics') },
    spec: { topicName: topic, partitions, replicas: replicationFactor, config },
  }));

const TYPES = { TOPIC: 'topic', GROUP: 'group', TRANSACTIONAL_ID: 'transactionalId', CLUSTER: 'cluster' } as const;

/** The logins are named as in contract/kafka-grants.ts, which doctor expects. */
export const users = (): Manifest[] =>
  kafkaServices.map((service) => ({
    apiVersion: API,
    kind: 'KafkaUser',
    metadata: { name: service, labels: of(KAFKA_CLUSTER, 'users') },
    spec: { authentication: { type: 'scram-sha-512' }, authorization: { type: 'simple', acls: rules(service) } },
  }));

/** One rule for what a login may do with one resource. */
function rules(service: KafkaService): object[] {
  const found = new Map<string, { resource: object; operations: string[] }>();
  for (const grant of kafkaGrants().filter((one) => one.service === service)) {
    const resource = resourceOf(grant);
    const rule = found.get(JSON.stringify(resource)) ?? { resource, operations: [] };
    rule.operations.push(operationName(grant.operation));
    found.set(JSON.stringify(resource), rule);
  }
  return [...found.values()];
}

const resourceOf = ({ resource, name, prefixed }: Grant): object =>
  resource === 'CLUSTER' ? { type: TYPES[resource] } : { type: TYPES[resource], name, patternType: prefixed ? 'prefix' : 'literal' };

/** The parts that use Connect's REST interface. */
export const restPolicy = connectPolicy(['setup', 'watch']);
