import { answersOk, groupIsStable } from './probes.ts';

// `node stack/probe.ts http URL` or `group BROKER GROUP`: a container's health check, by the probes of the embedded
// stack. Exits 0 when the part does its work, else says why not.

const [what = '', target = '', group = ''] = process.argv.slice(2);
const probes: Record<string, () => Promise<void>> = {
  http: () => answersOk(target),
  group: () => groupIsStable(target, group),
};
try {
  const probe = probes[what];
  if (probe === undefined) throw new Error(`usage: probe.ts ${Object.keys(probes).join('|')} …`);
  await probe();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
