import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { z } from 'zod';
import { connections, type Manifest } from './manifest.ts';
import { podMonitor, services } from './parts.ts';
import { setup } from './setup.ts';
import { connect, connector, restPolicy, topics, users } from './strimzi.ts';

// What `npm run generate` writes to deploy/kubernetes/. The kustomization.yaml of each folder is written by hand.

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

/** path below deploy/kubernetes/ → its manifests */
export function manifestFiles(): Map<string, Manifest[]> {
  return new Map([
    ['strimzi/connect.yaml', [connect(version), restPolicy]],
    ['strimzi/connector.yaml', [connector()]],
    ['strimzi/topics.yaml', topics()],
    ['strimzi/users.yaml', users()],
    ['setup/connections.yaml', [connections]],
    ['setup/job.yaml', setup(version)],
    ...[...services(version)].map(([part, manifests]) => [`services/${part}.yaml`, manifests] as const),
    ['services/podmonitor.yaml', [podMonitor]],
  ]);
}

export const yamlOf = (manifests: readonly Manifest[]): string =>
  [
    '# Written by npm run generate from tools/kubernetes/. Patch it in an overlay.',
    ...manifests.map((one) => `---\n${stringify(one, { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd()}`),
  ].join('\n');
