import { median } from '../bench/figures.ts';
import { on, table, thousands } from './markdown.ts';
import { resultOf } from './results.ts';

// The table of docs/scaling.md: what the chain's cost per event means at higher rates.

const RATES = [1000, 10_000, 100_000];
/** Cheaper parts are not worth a row. */
const LEAST_MICROS = 5;

/** Cores of each part at each rate, if its cost per event stays what bench:chain measured. */
export function scalingTable(): string {
  const result = resultOf('chain');
  if (result === undefined) return 'Not measured yet.';
  const parts = Object.keys(result.idle)
    .map((name) => ({ name, micros: median(result.rounds.map(({ microseconds }) => microseconds[name] ?? 0)) }))
    .filter(({ micros }) => micros >= LEAST_MICROS)
    .toSorted((a, b) => b.micros - a.micros);
  const cores = (micros: number) => RATES.map((rate) => ((micros * rate) / 1e6).toFixed(1));
  const all = parts.reduce((sum, { micros }) => sum + micros, 0);
  return [
    ...table(
      ['Part', 'CPU per event, µs', ...RATES.map((rate) => `cores at ${thousands(rate)}/s`)],
      [...parts.map(({ name, micros }) => [name, String(micros), ...cores(micros)]), ['**all**', String(all), ...cores(all)]],
    ),
    '',
    `The cost is measured by \`npm run bench:chain\` (${on(result)}); the cores are that cost times the rate.`,
  ].join('\n');
}
