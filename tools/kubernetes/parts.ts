import { ACTIONS_GROUP, CONSUMER_GROUP } from '../../contract/kafka-grants.ts';
import {
  configMount,
  containerSecurity,
  databaseVariable,
  fromConnections,
  image,
  kafkaCa,
  kafkaVariables,
  labels,
  mounts,
  podBasics,
  postgresCa,
  registryVariables,
  secretMount,
  tracingVariables,
  value,
  volumes,
  type Manifest,
  type Mount,
  type Variable,
} from './manifest.ts';
import { networkPolicy, open, scraped, type Egress } from './network.ts';

// Each service as a Deployment, with its Service, policies and budget.

interface Part {
  name: string;
  main: string;
  metricsPort: number;
  /** Undefined: a HorizontalPodAutoscaler decides. */
  replicas?: number;
  memory: string;
  cpu: string;
  env: Variable[];
  mounts: Mount[];
  to: Egress[];
  /** For a part that takes requests: its port and the paths of its probes. */
  http?: { port: number; ready: string; live: string };
}

const INGEST_PORT = 3002;
const parts: Part[] = [
  {
    name: 'ingest',
    main: 'ingest/main.ts',
    metricsPort: 9401,
    memory: '512Mi',
    cpu: '2',
    env: [
      databaseVariable('ingest'),
      value('PORT', String(INGEST_PORT)),
      value('ZAPS_FILE', '/etc/outbox/zaps/zaps.json'),
      ...tracingVariables,
    ],
    mounts: [
      postgresCa,
      configMount('zaps', '/etc/outbox/zaps'),
      secretMount('zap-secrets', 'zap-secrets', '/etc/outbox/zap-secrets', true),
    ],
    to: ['postgres', 'traces'],
    http: { port: INGEST_PORT, ready: '/readyz', live: '/livez' },
  },
  {
    name: 'cleanup',
    main: 'cleanup/main.ts',
    metricsPort: 9402,
    replicas: 2,
    memory: '256Mi',
    cpu: '1',
    env: [databaseVariable('cleanup'), ...kafkaVariables('cleanup'), value('ACK_GROUPS', [CONSUMER_GROUP, ACTIONS_GROUP].join(','))],
    mounts: [postgresCa, kafkaCa],
    to: ['postgres', 'kafka'],
  },
  {
    name: 'watch',
    main: 'watch/main.ts',
    metricsPort: 9403,
    replicas: 1,
    memory: '256Mi',
    cpu: '1',
    env: [
      databaseVariable('operator'),
      ...kafkaVariables('watch'),
      fromConnections('CONNECT_URL'),
      // Strimzi restores the connector itself.
      value('PUT_BACK', 'false'),
    ],
    mounts: [postgresCa, kafkaCa],
    to: ['postgres', 'kafka', 'connect'],
  },
  {
    name: 'consumer',
    main: 'consumers-example/main.ts',
    metricsPort: 9404,
    replicas: 2,
    memory: '256Mi',
    cpu: '1',
    env: [...kafkaVariables('consumer'), ...registryVariables('reader'), value('GROUP_ID', CONSUMER_GROUP), ...tracingVariables],
    mounts: [kafkaCa],
    to: ['kafka', 'registry', 'traces'],
  },
  {
    name: 'actions',
    main: 'consumers-example/actions/main.ts',
    metricsPort: 9405,
    replicas: 2,
    memory: '256Mi',
    cpu: '1',
    env: [
      databaseVariable('actions'),
      ...kafkaVariables('actions'),
      ...registryVariables('reader'),
      value('GROUP_ID', ACTIONS_GROUP),
      value('ACTIONS_FILE', '/etc/outbox/actions/actions.json'),
      value('ACTIONS_FILES', '/etc/outbox/action-secrets'),
      ...tracingVariables,
    ],
    mounts: [
      postgresCa,
      kafkaCa,
      configMount('actions', '/etc/outbox/actions'),
      secretMount('action-secrets', 'action-secrets', '/etc/outbox/action-secrets', true),
    ],
    to: ['postgres', 'kafka', 'registry', 'traces', 'internet'],
  },
];

/** name of the part → its manifests */
export const services = (version: string): Map<string, Manifest[]> =>
  new Map(
    parts.map((part) => [
      part.name,
      [
        deployment(part, version),
        ...(part.http === undefined ? [] : [service(part, part.http.port), autoscaler(part)]),
        disruptionBudget(part),
        networkPolicy(part.name, [...(part.http === undefined ? [] : [open(part.http.port)]), scraped(part.metricsPort)], part.to),
      ],
    ]),
  );

function deployment({ name, main, metricsPort, replicas, memory, cpu, env, mounts: its, http }: Part, version: string): Manifest {
  const probe = (path: string, port: string, more: object) => ({ httpGet: { path, port }, timeoutSeconds: 5, ...more });
  const [ready, live, port] = http === undefined ? ['/readyz', '/metrics', 'metrics'] : [http.ready, http.live, 'http'];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: labels(name) },
    spec: {
      ...(replicas !== undefined && { replicas }),
      // Two watchdogs would both repair.
      ...(replicas === 1 && { strategy: { type: 'Recreate' } }),
      selector: { matchLabels: labels(name) },
      template: {
        metadata: { labels: labels(name) },
        spec: {
          ...podBasics,
          terminationGracePeriodSeconds: 40,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: labels(name) },
            },
          ],
          containers: [
            {
              name,
              image: image(version),
              command: ['node', main],
              env: [...env, value('METRICS_PORT', String(metricsPort)), value('METRICS_HOST', '0.0.0.0')],
              ports: [
                ...(http === undefined ? [] : [{ name: 'http', containerPort: http.port }]),
                { name: 'metrics', containerPort: metricsPort },
              ],
              startupProbe: probe(live, port, { periodSeconds: 2, failureThreshold: 60 }),
              readinessProbe: probe(ready, port, { periodSeconds: 5, failureThreshold: 2 }),
              livenessProbe: probe(live, port, { periodSeconds: 20, failureThreshold: 3 }),
              // Keeps serving until load balancers have removed this copy.
              ...(http !== undefined && { lifecycle: { preStop: { sleep: { seconds: 5 } } } }),
              resources: { requests: { cpu: '100m', memory }, limits: { cpu, memory } },
              securityContext: containerSecurity,
              volumeMounts: mounts(its),
            },
          ],
          volumes: volumes(its),
        },
      },
    },
  };
}

const service = ({ name }: Part, targetPort: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: labels(name) },
  spec: { selector: labels(name), ports: [{ name: 'http', port: 80, targetPort }] },
});

/** Ten copies hold 60 connections to Postgres (DATABASE_CONNECTIONS). */
const autoscaler = ({ name }: Part): Manifest => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, labels: labels(name) },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    minReplicas: 2,
    maxReplicas: 10,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
  },
});

/** Lets a node be drained even with one copy. */
const disruptionBudget = ({ name }: Part): Manifest => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name, labels: labels(name) },
  spec: { maxUnavailable: 1, selector: { matchLabels: labels(name) } },
});

/** The label job is the part's name, as the alert rules expect. */
export const podMonitor: Manifest = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PodMonitor',
  metadata: { name: 'webhook-outbox', labels: { 'app.kubernetes.io/name': 'webhook-outbox' } },
  spec: {
    selector: { matchLabels: { 'app.kubernetes.io/name': 'webhook-outbox' } },
    jobLabel: 'app.kubernetes.io/component',
    podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '15s' }],
  },
};
