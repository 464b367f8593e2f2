import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { manifestFiles, yamlOf } from './kubernetes/files.ts';
import { faultsOf } from './kubernetes/validate.ts';

// `npm run generate` writes the manifests of deploy/kubernetes/; with --check it only says which is stale. Both check them
// against the schemas.

const fail = (line: string) => {
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
};

for (const [name, manifests] of manifestFiles()) {
  for (const fault of manifests.flatMap(faultsOf)) fail(`deploy/kubernetes/${name}: ${fault}`);
  const path = fileURLToPath(new URL(`../deploy/kubernetes/${name}`, import.meta.url));
  const text = await format(yamlOf(manifests), { ...(await resolveConfig(path)), parser: 'yaml' });
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (readIfThere(path) !== text) fail(`deploy/kubernetes/${name} is stale. Run: npm run generate`);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
