// Shared by all manifests of deploy/kubernetes/. schemas.json checks them, so their type is loose.

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [more: string]: unknown;
}

/** The image of the TypeScript services; an overlay gives it a registry and a tag. */
export const image = (version: string) => `webhook-outbox:${version}`;

/** The ConfigMap with the addresses of a company's servers. */
const CONNECTIONS = 'outbox-connections';
/** Strimzi's names: the Kafka cluster, and the Connect cluster of this project. */
export const KAFKA_CLUSTER = 'kafka';
export const CONNECT_CLUSTER = 'outbox';

export const labels = (part: string) => ({ 'app.kubernetes.io/name': 'webhook-outbox', 'app.kubernetes.io/component': part });

export interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef?: { name: string; key: string }; configMapKeyRef?: { name: string; key: string } };
}
export const value = (name: string, text: string): Variable => ({ name, value: text });
export const fromSecret = (name: string, secret: string, key: string): Variable => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});
export const fromConnections = (name: string): Variable => ({ name, valueFrom: { configMapKeyRef: { name: CONNECTIONS, key: name } } });

/** A ConfigMap or Secret that is mounted into a container. */
export interface Mount {
  name: string;
  path: string;
  source: { secret: object } | { configMap: object };
}
export const secretMount = (name: string, secretName: string, path: string, optional = false): Mount => ({
  name,
  path,
  source: { secret: { secretName, defaultMode: 0o440, ...(optional && { optional }) } },
});
export const configMount = (name: string, path: string): Mount => ({ name, path, source: { configMap: { name } } });

/** The Kafka login of a service. Strimzi's User Operator creates its Secret for each KafkaUser. */
export const kafkaVariables = (service: string): Variable[] => [
  fromConnections('KAFKA_BROKERS'),
  value('KAFKA_CA_FILE', '/etc/outbox/kafka-ca/ca.crt'),
  value('KAFKA_SASL_MECHANISM', 'SCRAM-SHA-512'),
  value('KAFKA_USERNAME', service),
  fromSecret('KAFKA_PASSWORD', service, 'password'),
];
export const registryVariables = (user: 'reader' | 'writer'): Variable[] => [
  fromConnections('REGISTRY_URL'),
  value('REGISTRY_USERNAME', user),
  fromSecret('REGISTRY_PASSWORD', 'outbox-registry', user),
];
/** Tracing; an empty endpoint turns it off. */
export const tracingVariables: Variable[] = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'].map(
  fromConnections,
);
export const databaseVariable = (login: string): Variable => fromSecret('DATABASE_URL', 'outbox-postgres', login);

export const kafkaCa = secretMount('kafka-ca', `${KAFKA_CLUSTER}-cluster-ca-cert`, '/etc/outbox/kafka-ca');
/** Where Kafka Connect finds the CA of Postgres. */
export const CONNECT_POSTGRES_CA = '/mnt/postgres-ca';
/** For URLs with `sslmode=verify-full&sslrootcert=/etc/outbox/postgres-ca/ca.crt`. */
export const postgresCa = secretMount('postgres-ca', 'outbox-postgres-ca', '/etc/outbox/postgres-ca', true);

/** Pods do not run as root, cannot change their image and gain no rights. 1000 is the image's user. */
const podSecurity = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  fsGroup: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
};
export const podBasics = {
  automountServiceAccountToken: false,
  // They set environment variables, whose names may be settings.
  enableServiceLinks: false,
  securityContext: podSecurity,
};
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

export const mounts = (of: readonly Mount[]) => of.map(({ name, path }) => ({ name, mountPath: path, readOnly: true }));
export const volumes = (of: readonly Mount[]) => of.map(({ name, source }) => ({ name, ...source }));

/** The addresses of a company's servers; patched by an overlay. */
export const connections: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: CONNECTIONS, labels: labels('connections') },
  data: {
    KAFKA_BROKERS: 'kafka-kafka-bootstrap:9093',
    REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7',
    CONNECT_URL: 'http://outbox-connect-api:8083',
    CDC_DATABASE_HOST: 'postgres',
    CDC_DATABASE_PORT: '5432',
    CDC_DATABASE_NAME: 'outbox',
    CDC_DATABASE_USER: 'cdc',
    // With a CA of your own: verify-full.
    CDC_DATABASE_SSLMODE: 'prefer',
    CDC_DATABASE_SSLROOTCERT: `${CONNECT_POSTGRES_CA}/ca.crt`,
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
    OTEL_TRACES_SAMPLER: '',
    OTEL_TRACES_SAMPLER_ARG: '',
  },
};
