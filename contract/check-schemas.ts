import { readdirSync, readFileSync } from 'node:fs';
import { schemaFaults } from './schema-gate.ts';

// Part of `make check`: refuses a change to an event schema that the registry would refuse at the next deployment.

const folder = new URL('schemas/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), 'utf8');

const released = readdirSync(new URL('released/', folder));
const names = readdirSync(folder).flatMap((file) => /^(.+)\.avsc$/.exec(file)?.[1] ?? []);
const faults = names.flatMap((name) => {
  const versions = released.filter((file) => file.startsWith(`${name}.v`));
  return schemaFaults({
    name,
    current: read(`${name}.avsc`),
    released: Object.fromEntries(versions.map((file) => [file, read(`released/${file}`)])),
  });
});
if (faults.length > 0) {
  process.stderr.write(`contract/schemas:\n${faults.map((fault) => `  ${fault}\n`).join('')}`);
  process.exitCode = 1;
}
