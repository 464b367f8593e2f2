import { CONNECT_CLUSTER, labels, type Manifest } from './manifest.ts';

// Who may reach whom. Servers of the company's own are named by their ports only: where they are, an overlay may add.

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

/** Where a part may go. */
export const egress = {
  postgres: tcp(5432),
  /** 9093: Strimzi's listener with TLS. */
  kafka: tcp(9092, 9093, 9094),
  registry: tcp(80, 443, 8080, 8081),
  connect: { to: [connectPods], ...tcp(8083) },
  /** What action targets are: public addresses, as the address guard has it. */
  internet: {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'] } },
      { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
    ],
    ...tcp(80, 443),
  },
} satisfies Record<string, Rule>;
export type Egress = keyof typeof egress;

/** Prometheus may ask for the metrics. */
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

/** Beside Strimzi's own policy, which lets its operator in alone: Connect's REST interface has no login there. */
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
