import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

// Writes schemas.json: what the manifests are checked against, for the kinds that they have. By hand, when Kubernetes,
// Strimzi or the Prometheus operator is to be a newer one:
//   node --import tsx tools/kubernetes/take-schemas.ts SCHEMAS CRD...
// SCHEMAS is the folder kubernetes-json-schema/vN-local-strict of the Python package kubernetes-validate, each CRD a file of
// Strimzi's install/cluster-operator/ or of the Prometheus operator's example/prometheus-operator-crd/.

const [, , folder = '', ...crds] = process.argv;
/** The built-in kinds, and their files. */
const builtIn = {
  Deployment: 'deployment-apps-v1',
  Job: 'job-batch-v1',
  Service: 'service-v1',
  ConfigMap: 'configmap-v1',
  NetworkPolicy: 'networkpolicy-networking-v1',
  PodDisruptionBudget: 'poddisruptionbudget-policy-v1',
  HorizontalPodAutoscaler: 'horizontalpodautoscaler-autoscaling-v2',
};

type Schema = Record<string, unknown>;
const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const definitions = z
  .object({ $defs: z.record(z.string(), z.record(z.string(), z.unknown())) })
  .parse(JSON.parse(readFileSync(join(folder, '_definitions.json'), 'utf8'))).$defs;
const $defs: Record<string, Schema> = {};

/** A schema without its prose, and without null, which nothing here is; what it refers to is taken too. */
function taken(value: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((one) => taken(one));
  if (!isSchema(value)) return value;
  const kept = Object.entries(value).filter(([key]) => isMap || (key !== 'description' && key !== 'default' && !key.startsWith('x-')));
  return Object.fromEntries(kept.map(([key, one]) => [key, isMap ? taken(one) : keyword(key, one)]));
}

function keyword(key: string, value: unknown): unknown {
  if (key === '$ref') return `#/$defs/${define(String(value))}`;
  if (!Array.isArray(value) || (key !== 'type' && key !== 'enum')) return taken(value, key === 'properties');
  const values = value.filter((one) => one !== null && one !== 'null');
  return key === 'type' && values.length === 1 ? values[0] : values;
}

function define(reference: string): string {
  const name = reference.split('/').at(-1) ?? '';
  if ($defs[name] === undefined) {
    $defs[name] = {}; // Before what it refers to, which may be itself.
    $defs[name] = taken(definitions[name]) as Schema;
  }
  return name;
}

/** A schema of a CRD as strict as the built-in ones: an object has no keys but those that are named. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (!isSchema(value)) return value;
  if (value['x-kubernetes-int-or-string'] === true) return { anyOf: [{ type: 'integer' }, { type: 'string' }] };
  const isOpen = value['x-kubernetes-preserve-unknown-fields'] === true || value.additionalProperties !== undefined;
  const { properties, ...others } = value;
  const rest = Object.fromEntries(Object.entries(others).map(([key, one]) => [key, key === 'oneOf' ? alternatives(one) : strict(one)]));
  if (!isSchema(properties)) return rest;
  const named = Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, strict(one)]));
  return { ...rest, properties: named, ...(!isOpen && { additionalProperties: false }) };
}

/** Which keys go together: each says what it is about only beside what the object has. */
const alternatives = (value: unknown): unknown =>
  z
    .array(z.record(z.string(), z.unknown()))
    .parse(value)
    .map((one) => ({ type: 'object', ...one }));

const crd = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({ name: z.string(), storage: z.boolean(), schema: z.object({ openAPIV3Schema: z.record(z.string(), z.unknown()) }) }),
    ),
  }),
});

const kinds: Record<string, unknown> = {};
for (const [kind, file] of Object.entries(builtIn)) {
  const schema = JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')) as Schema;
  const version = z.object({ properties: z.object({ apiVersion: z.object({ enum: z.array(z.string()) }) }) }).parse(schema).properties;
  kinds[`${version.apiVersion.enum[0]} ${kind}`] = taken(schema);
}
for (const path of crds) {
  const { spec } = crd.parse(parse(readFileSync(path, 'utf8')));
  for (const { name, schema } of spec.versions.filter(({ storage }) => storage)) {
    const root = strict(schema.openAPIV3Schema) as { properties: Schema };
    // What is written has no status.
    const properties = Object.fromEntries(Object.entries(root.properties).filter(([key]) => key !== 'status'));
    properties.metadata = { $ref: METADATA };
    kinds[`${spec.group}/${name} ${spec.names.kind}`] = taken({ ...root, properties });
  }
}
writeFileSync(new URL('schemas.json', import.meta.url), `${JSON.stringify({ kinds, $defs })}\n`);
