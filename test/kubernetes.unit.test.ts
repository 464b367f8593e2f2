import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { settings as cleanup } from '../cleanup/config.ts';
import { settings as register } from '../connect/config.ts';
import { settings as actions } from '../consumers-example/actions/config.ts';
import { settings as consumer } from '../consumers-example/config.ts';
import { kafkaGrants, kafkaServices } from '../contract/kafka-grants.ts';
import { topicPlans } from '../contract/topics.ts';
import { settings as ingest } from '../ingest/config.ts';
import { routes } from '../ingest/openapi.ts';
import { operationName } from '../kit/kafka-acls.ts';
import { describeSettings, postgresUrl, readSettings } from '../kit/settings.ts';
import { settings as watch } from '../watch/config.ts';
import { workerProperties } from '../tools/kubernetes/strimzi.ts';
import { faultsOf } from '../tools/kubernetes/validate.ts';

// The files of deploy/kubernetes/. make check compares them with what is generated.

const root = new URL('../deploy/kubernetes/', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const folders = ['services', 'setup', 'strimzi'];
const files = folders.flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name !== 'kustomization.yaml')
    .map((name) => `${folder}/${name}`),
);

const variable = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .strictObject({
      secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
      configMapKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
    })
    .optional(),
});
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const container = z.object({
  name: z.string(),
  image: z.string(),
  command: z.tuple([z.literal('node'), z.string()]),
  env: z.array(variable),
  ports: z.array(z.object({ name: z.string() })).default([]),
  startupProbe: probe.optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  resources: z.record(z.string(), z.record(z.string(), z.string())),
  securityContext: z.unknown(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.literal(true) })),
});
const podTemplate = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({
    initContainers: z.array(container).default([]),
    containers: z.array(container),
    volumes: z.array(z.object({ name: z.string() })),
  }),
});
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.record(z.string(), z.unknown()).default({}),
  data: z.record(z.string(), z.string()).default({}),
});
type Manifest = z.infer<typeof manifest>;

const asWritten = files.flatMap((path) => parseAllDocuments(text(path)).map((document) => document.toJS() as unknown));
const all = asWritten.map((one) => manifest.parse(one));
const ofKind = (kind: string) => all.filter((one) => one.kind === kind);
const named = (kind: string, name: string): Manifest => {
  const found = ofKind(kind).find((one) => one.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
};
const pods = [...ofKind('Deployment'), ...ofKind('Job')].map(({ kind, spec }) => ({ kind, ...podTemplate.parse(spec.template) }));
const containers = pods.flatMap(({ kind, spec }) => [...spec.initContainers, ...spec.containers].map((one) => ({ kind, ...one })));
const parts = ['ingest', 'cleanup', 'watch', 'consumer', 'actions'];

test('each kustomization lists every file of its folder, and each service has a Deployment', () => {
  for (const folder of folders) {
    const { resources } = z.object({ resources: z.array(z.string()) }).parse(parse(text(`${folder}/kustomization.yaml`)));
    const there = files.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
    expect([folder, resources.toSorted()]).toEqual([folder, there.toSorted()]);
  }
  expect(
    ofKind('Deployment')
      .map(({ metadata }) => metadata.name)
      .toSorted(),
  ).toEqual(parts.toSorted());
});

describe('the schemas', () => {
  test('accept every manifest', () => {
    expect(asWritten.length).toBeGreaterThan(30);
    expect(all.flatMap((_one, at) => faultsOf(asWritten[at] as Parameters<typeof faultsOf>[0]))).toEqual([]);
  });

  test.each<[string, string, string, (copy: Manifest) => void, RegExp]>([
    ['a key that Kubernetes does not know', 'Deployment', 'ingest', ({ spec }) => (spec.replica = 2), /Deployment ingest: spec: .*replica/],
    ['a number that is a text', 'Deployment', 'cleanup', ({ spec }) => (spec.replicas = 'two'), /spec\.replicas/],
    ['a Deployment without a selector', 'Deployment', 'watch', ({ spec }) => delete spec.selector, /spec\.selector/],
    ['a key that Strimzi does not know', 'KafkaConnector', 'zap-run-outbox', ({ spec }) => (spec.pause = true), /spec: .*pause/],
    ['a rule for what Kafka does not have', 'KafkaUser', 'watch', ({ spec }) => (spec.authorization = { type: 'simple', acls: [{ resource: { type: 'queue' } }] }), /acls\.0\.resource\.type/], // prettier-ignore
    ['an old version of a kind', 'PodMonitor', 'webhook-outbox', (copy) => (copy.apiVersion = 'monitoring.coreos.com/v0'), /no schema/],
  ])('refuse %s', (_what, kind, name, change, expected) => {
    const copy = structuredClone<Manifest>(named(kind, name));
    const { data, ...others } = copy;
    expect(data).toEqual({});
    change(others as Manifest);
    expect(faultsOf(others as Manifest).join('\n')).toMatch(expected);
  });
});

describe('every container', () => {
  test.each(containers.map((one) => [one.name, one] as const))(
    'of %s has minimal rights, resource limits and a pinned image',
    (_name, one) => {
      expect(one.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      for (const bound of ['requests', 'limits']) expect(Object.keys(one.resources[bound] ?? {})).toEqual(['cpu', 'memory']);
      expect(one.image).toMatch(/^[a-z-]+:\d+\.\d+\.\d+$/);
    },
  );

  test('runs in a pod without root and without a service account token', () => {
    for (const { spec } of pods)
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
    expect(text('strimzi/connect.yaml')).toContain('runAsNonRoot: true');
  });

  test('of a Deployment has probes on paths that exist', () => {
    const ofIngest = routes.map(({ path }) => path);
    for (const one of containers.filter(({ kind }) => kind === 'Deployment'))
      for (const found of [one.startupProbe, one.readinessProbe, one.livenessProbe]) {
        const known = one.name === 'ingest' ? ofIngest : ['/readyz', '/metrics'];
        expect([one.name, known]).toEqual([one.name, expect.arrayContaining([found?.httpGet.path])]);
        expect(one.ports.map(({ name }) => name)).toContain(found?.httpGet.port);
      }
  });

  test('has a mount for every file that its settings name', () => {
    for (const { name, env, volumeMounts } of containers)
      for (const { value = '' } of env.filter((one) => one.value?.startsWith('/') === true))
        expect([name, value, volumeMounts.some(({ mountPath }) => `${value}/`.startsWith(`${mountPath}/`))]).toEqual([name, value, true]);
    for (const { spec } of pods) {
      const mounted = [...spec.initContainers, ...spec.containers].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
      expect([...new Set(mounted)].toSorted()).toEqual(spec.volumes.map(({ name }) => name).toSorted());
    }
  });
});

const schemas: Record<string, z.ZodObject> = {
  'ingest/main.ts': ingest,
  'cleanup/main.ts': cleanup,
  'watch/main.ts': watch,
  'consumers-example/main.ts': consumer,
  'consumers-example/actions/main.ts': actions,
  'connect/main.ts': register,
  'prisma/migrate.ts': z.object({ DATABASE_URL: postgresUrl() }),
};
const isSecret = (schema: z.ZodObject, name: string) =>
  describeSettings(schema).some((one) => one.name === name && one.meaning.includes(`${name}_FILE`));
const connections = named('ConfigMap', 'outbox-connections').data;

describe('settings', () => {
  test.each(containers.map((one) => [one.name, one] as const))('of %s exist and are valid', (_name, one) => {
    const schema = schemas[one.command[1]];
    if (schema === undefined) throw new Error(`nobody says which settings ${one.command[1]} has`);
    expect(one.env.map(({ name }) => name).filter((name) => !(name in schema.shape))).toEqual([]);
    const given = one.env.map(({ name, value, valueFrom }) => {
      if (valueFrom?.configMapKeyRef !== undefined) return [name, connections[valueFrom.configMapKeyRef.key]];
      if (value !== undefined) return [name, name.endsWith('_CA_FILE') ? import.meta.filename : value];
      return [name, name === 'DATABASE_URL' ? 'postgresql://somebody@somewhere/outbox' : 'from a Secret'];
    });
    expect(() => readSettings(schema, Object.fromEntries(given) as Record<string, string>)).not.toThrow();
  });

  test('that are secret come from a Secret, and no Secret is in the folder', () => {
    for (const { name: part, command, env } of containers)
      for (const { name, valueFrom } of env) {
        const schema = schemas[command[1]] ?? z.object({});
        expect([part, name, valueFrom?.secretKeyRef !== undefined]).toEqual([part, name, isSecret(schema, name)]);
      }
    expect(ofKind('Secret')).toEqual([]);
    expect(files.filter((path) => /postgres(ql)?:\/\/|BEGIN |whsec_/.test(text(path)))).toEqual([]);
  });

  test('from the ConfigMap exist, and all of the ConfigMap is used', () => {
    const references = files.flatMap((path) =>
      [...text(path).matchAll(/configMapKeyRef:\s+name: outbox-connections\s+key: (\w+)/g)].map(([, key]) => key),
    );
    expect([...new Set(references)].toSorted()).toEqual(Object.keys(connections).toSorted());
  });

  test('from Secrets that a deployment has to provide are all in the README', () => {
    const page = text('README.md');
    const brought = files.flatMap((path) =>
      [...text(path).matchAll(/secretKeyRef:\s+name: ([\w-]+)\s+key: (\w+)/g)].map(([, name = '', key = '']) => ({ name, key })),
    );
    expect(brought.length).toBeGreaterThan(10);
    const byStrimzi: readonly string[] = kafkaServices;
    const missing = brought.filter(({ name, key }) => !byStrimzi.includes(name) && !new RegExp(`\`${name}\`[^\n]*\`${key}\``).test(page));
    expect(missing).toEqual([]);
  });
});

describe('beside each service', () => {
  const selects = (spec: Record<string, unknown>, key: string) =>
    z.object({ matchLabels: z.record(z.string(), z.string()) }).parse(spec[key]).matchLabels;
  const labelsOf = (name: string) => pods.find(({ metadata }) => metadata.labels['app.kubernetes.io/component'] === name)?.metadata.labels;

  test.each([...parts, 'setup'])('%s: a NetworkPolicy selects its pods, in both directions', (name) => {
    const { spec } = named('NetworkPolicy', name);
    expect(selects(spec, 'podSelector')).toEqual(labelsOf(name));
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  test.each(parts)('%s: a PodDisruptionBudget selects its pods and allows one to be evicted', (name) => {
    const { spec } = named('PodDisruptionBudget', name);
    expect(selects(spec, 'selector')).toEqual(labelsOf(name));
    expect(spec.maxUnavailable).toBe(1);
    expect(selects(named('Deployment', name).spec, 'selector')).toEqual(labelsOf(name));
  });

  test('ingest is scaled by an autoscaler, so its Deployment sets no replicas', () => {
    expect(named('HorizontalPodAutoscaler', 'ingest').spec).toMatchObject({ scaleTargetRef: { kind: 'Deployment', name: 'ingest' } });
    expect(named('Deployment', 'ingest').spec.replicas).toBeUndefined();
  });
});

describe('for Strimzi', () => {
  const read = (path: string) => readFileSync(new URL(`../connect/${path}`, import.meta.url), 'utf8');

  test('the connector equals connect/outbox-connector.json', () => {
    const { class: kind, tasksMax, config } = named('KafkaConnector', 'zap-run-outbox').spec;
    const again = { 'connector.class': kind, 'tasks.max': String(tasksMax), ...(config as object) };
    expect(again).toEqual(JSON.parse(read('outbox-connector.json')));
  });

  test('the worker has every setting of worker.properties that Strimzi does not set, and no other', () => {
    const { config, groupId, configStorageTopic, offsetStorageTopic, statusStorageTopic } = named('KafkaConnect', 'outbox').spec;
    const given = config as Record<string, string>;
    const own = new Map(workerProperties());
    expect([groupId, configStorageTopic, offsetStorageTopic, statusStorageTopic]).toEqual(
      ['group.id', 'config.storage.topic', 'offset.storage.topic', 'status.storage.topic'].map((name) => own.get(name)),
    );
    for (const [name, value] of Object.entries(given)) expect([name, value]).toEqual([name, own.get(name)]);
    // What Strimzi refuses or sets itself, and where it asks for the levels of logging.
    const itsOwn =
      /^((producer|consumer|admin)\.)?(security|sasl)\.|^(group\.id|(config|offset|status)\.storage\.topic|listeners|admin\.listeners|plugin\.path|rest\.|bootstrap\.servers)/;
    const left = [...own.keys()].filter((name) => !(name in given));
    expect(left.filter((name) => !itsOwn.test(name))).toEqual([]);
    expect(Object.keys(given).filter((name) => itsOwn.test(name))).toEqual([]);
    expect(Object.values(given).filter((value) => value.includes('${'))).toEqual([]);
  });

  test('each KafkaUser has exactly the grants of its service', () => {
    const acl = z.strictObject({
      resource: z.object({ type: z.string(), name: z.string().default('kafka-cluster'), patternType: z.string().default('literal') }),
      operations: z.array(z.string()),
    });
    const written = ofKind('KafkaUser').flatMap(({ metadata, spec }) => {
      const { acls } = z.object({ acls: z.array(acl) }).parse(spec.authorization);
      return acls.flatMap(({ resource, operations: its }) =>
        its.map((operation) => `${metadata.name} ${operation} ${resource.type} ${resource.name} ${resource.patternType}`),
      );
    });
    const types = { TOPIC: 'topic', GROUP: 'group', TRANSACTIONAL_ID: 'transactionalId', CLUSTER: 'cluster' };
    const expected = kafkaGrants().map(
      ({ service, resource, name, prefixed, operation }) =>
        `${service} ${operationName(operation)} ${types[resource]} ${name} ${prefixed ? 'prefix' : 'literal'}`,
    );
    expect(written.toSorted()).toEqual(expected.toSorted());
  });

  test('the topics equal those of register, with three replicas', () => {
    const written = ofKind('KafkaTopic').map(({ spec }) => spec);
    const defaults = register.pick({ TOPIC_PARTITIONS: true, TOPIC_REPLICATION_FACTOR: true, TOPIC_RETENTION_HOURS: true, DEAD_LETTER_RETENTION_HOURS: true }); // prettier-ignore
    expect(written).toEqual(
      topicPlans(defaults.parse({ TOPIC_REPLICATION_FACTOR: '3' })).map(({ topic, partitions, replicationFactor, config }) => ({
        topicName: topic,
        partitions,
        replicas: replicationFactor,
        config,
      })),
    );
  });
});
