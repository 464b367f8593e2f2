import { CONNECT_CLUSTER, labels, type Manifest } from './manifest.ts';

// Which part may reach what. The company's own servers are named only by port; an overlay can add their addresses.

type Rule = Record<string, unknown>;

const tcp = (...ports: number[]): { ports: object[] } => ({ ports: ports.map((port) => ({ protocol: 'TCP', port })) });
const namespace = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });
const connectPods = { podSelector: { matchLabels: { 'strimzi.io/cluster': CONNECT_CLUSTER, 'strimzi.io/kind': 'KafkaConnect' } } };

const dns: Rule = {
  to: [namespace('kube-system')],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};

/** What a part may reach. */
export const egress = {
  postgres: tcp(5432),
  /** 9093: Strimzi's listener with TLS. */
  kafka: tcp(9092, 9093, 9094),
  registry: tcp(80, 443, 8080, 8081),
  /** A receiver of OTLP over HTTP. */
  traces: tcp(4318),
  connect: { to: [connectPods], ...tcp(8083) },
  /** Targets of actions: public addresses, as in the address guard. */
  internet: {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'] } },
      { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
    ],
    ...tcp(80, 443),
  },
} satisfies Record<string, Rule>;
export type Egress = keyof typeof egress;

/** Allows Prometheus to read the metrics. */
export const scraped = (port: number): Rule => ({ from: [namespace('monitoring')], ...tcp(port) });
export const open = (port: number): Rule => tcp(port);

export const networkPolicy = (part: string, ingress: Rule[], to: readonly Egress[]): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: part, labels: labels(part) },
  spec: {
    podSelector: { matchLabels: labels(part) },
    policyTypes: ['Ingress', 'Egress'],
    ingress,
    egress: [dns, ...to.map((name) => egress[name])],
  },
});

/** Adds to Strimzi's policy, which admits only its operator. Under Strimzi Connect's REST interface has no login. */
export const connectPolicy = (parts: readonly string[]): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'connect-rest', labels: labels('connect') },
  spec: {
    ...connectPods,
    policyTypes: ['Ingress'],
    ingress: [{ from: parts.map((part) => ({ podSelector: { matchLabels: labels(part) } })), ...tcp(8083) }],
  },
});
