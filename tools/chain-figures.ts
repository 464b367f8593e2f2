import { chainGoals } from '../bench/chain-goals.ts';
import { median } from '../bench/figures.ts';
import { goalTable, on, table, thousands, whole } from './markdown.ts';
import type { Chain } from './results.ts';

/** Cheaper parts are one row. */
const LEAST_MICROS = 5;

/** The section of docs/performance.md about the whole chain: its rate, and what each part of it costs. */
export function chainFigures(result: Chain): string[] {
  const { accepted, deleted, p99Ms, idle, idleShare, rounds, cpus } = result;
  const parts = Object.keys(idle).map((name) => ({
    name,
    micros: median(rounds.map(({ microseconds }) => microseconds[name] ?? 0)),
    idle: idle[name] ?? 0,
  }));
  const sum = (of: typeof parts) => ({
    micros: of.reduce((total, part) => total + part.micros, 0),
    idle: of.reduce((total, part) => total + part.idle, 0),
  });
  const [dear, cheap] = [parts.filter(({ micros }) => micros >= LEAST_MICROS), parts.filter(({ micros }) => micros < LEAST_MICROS)];
  const row = (name: string, cost: { micros: number; idle: number }) => [name, String(cost.micros), `${(cost.idle * 100).toFixed(1)} %`];
  const all = sum(parts);
  return [
    `The whole chain accepts, publishes, handles in both consumer groups and deletes ${whole(deleted)} events/s, with everything on and the load generator on the same machine (\`npm run bench:chain\`, ${on(result)}). It accepts ${whole(accepted)}/s meanwhile; ingest's answers have a p99 of ${whole(p99Ms)} ms. A minute of load comes first: a cold JVM costs twice as much per event.`,
    '',
    ...table(
      ['Part', 'CPU per event, µs', 'Idle, share of a core'],
      [
        ...dear.toSorted((a, b) => b.micros - a.micros).map((part) => row(part.name, part)),
        row(cheap.map(({ name }) => name).join(', '), sum(cheap)),
        row('**all**', all),
      ],
    ),
    '',
    `The CPU is what limits the rate: ${all.micros} µs × ${thousands(accepted.median)}/s are ${((all.micros * accepted.median) / 1e6).toFixed(1)} of ${cpus} cores, and the load generator and the kernel's network take the rest. An idle stack uses ${(idleShare * 100).toFixed(0)} % of a core.`,
    '',
    ...goalTable(chainGoals(result)),
  ];
}
