import { existsSync, readFileSync } from 'node:fs';

interface Outcome {
  stored: { perSecond: number; p99: number };
  refused: { perSecond: number };
  others: number;
}
interface Hostile {
  date: string;
  cpus: number;
  rate: number;
  legs: {
    what: string;
    connections: number;
    load: number;
    before: Outcome;
    onset: Outcome;
    during: Outcome;
    memory: { before: number; peak: number };
  }[];
}

const results = new URL('../bench/results/hostile.json', import.meta.url);

/** The table of what hostile senders cost the others, from what `npm run bench:hostile` measured. */
export function hostileFigures(): string {
  if (!existsSync(results)) return 'Not measured yet: `npm run bench:hostile`.';
  const { date, cpus, rate, legs } = JSON.parse(readFileSync(results, 'utf8')) as Hostile;
  const ms = ({ stored }: Outcome) => (stored.perSecond === 0 ? 'none stored' : `${stored.p99.toFixed(0)} ms`);
  const lost = ({ stored, others, refused }: Outcome) =>
    stored.perSecond === 0 || others + refused.perSecond === 0 ? '' : ', not all stored';
  const rows = legs.map(({ what, connections, before, onset, during, memory }) => [
    `${connections} × ${what}`,
    ms(before),
    `${ms(onset)}${lost(onset)}`,
    `${ms(during)}${lost(during)}`,
    `${memory.before} → ${memory.peak} MB`,
  ]);
  const loads = legs.map(({ load }) => load.toFixed(0)).map(Number);
  // More processes wanted to run than there are cores: then every figure is the machine's as well.
  const busy = Math.max(...loads) > cpus ? ' The machine was busy with other work: the first column says how much that costs.' : '';
  const head = `Measured on ${date.slice(0, 10)} with ${cpus} cores, which the senders and Postgres share; the load average before each was ${Math.min(...loads)}–${Math.max(...loads)}.${busy}`;
  return [
    ...[head, ''],
    `| Senders, all at once | p99 of ${rate} ordinary posts a second before | in the first 5 s | after them | Resident memory before and at most |`,
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}
