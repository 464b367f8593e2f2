import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Manifest } from './manifest.ts';

// Checks manifests against the schemas of Kubernetes, Strimzi and the Prometheus operator (take-schemas.ts). A key that the
// schema does not name is a fault.

const { kinds, $defs } = z
  .object({ kinds: z.record(z.string(), z.record(z.string(), z.unknown())), $defs: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(new URL('schemas.json', import.meta.url), 'utf8')));
const compiled = new Map<string, z.ZodType>();

function schemaOf(kind: string): z.ZodType | undefined {
  const known = compiled.get(kind);
  if (known !== undefined || kinds[kind] === undefined) return known;
  const schema = z.fromJSONSchema({ ...kinds[kind], $defs } as Parameters<typeof z.fromJSONSchema>[0]);
  compiled.set(kind, schema);
  return schema;
}

/** @returns a line for each fault: `Deployment ingest: spec.replicas: …` */
export function faultsOf(manifest: Manifest): string[] {
  const about = `${manifest.kind} ${manifest.metadata.name}`;
  const schema = schemaOf(`${manifest.apiVersion} ${manifest.kind}`);
  if (schema === undefined) return [`${about}: there is no schema of ${manifest.apiVersion} ${manifest.kind} in schemas.json`];
  const { error } = schema.safeParse(manifest);
  return (error?.issues ?? []).map(({ path, message }) => `${about}: ${path.join('.')}: ${message}`);
}
