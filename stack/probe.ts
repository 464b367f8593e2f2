import { z } from 'zod';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { readSettings } from '../kit/settings.ts';
import { answersOk, groupIsStable } from './probes.ts';

// `node stack/probe.ts http URL` or `group GROUP`: a container's health check, by the probes of the embedded stack. The part's
// own settings say how it reaches Kafka. Exits 0 when the part does its work, else says why not.

const [what = '', target = ''] = process.argv.slice(2);
const probes: Record<string, () => Promise<void>> = {
  http: () => answersOk(target),
  group: () => groupIsStable(readSettings(z.object(kafkaSettings), process.env), target),
};
try {
  const probe = probes[what];
  if (probe === undefined) throw new Error(`usage: probe.ts ${Object.keys(probes).join('|')} …`);
  await probe();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
