import { readFileSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { settings as cleanup } from '../cleanup/config.ts';
import { settings as connect } from '../connect/config.ts';
import { settings as watch } from '../connect/watch/config.ts';
import { settings as consumer } from '../consumers-example/config.ts';
import { faults } from '../ingest/errors.ts';
import { settings as ingest } from '../ingest/config.ts';
import { settings as operate } from '../operate/config.ts';
import { verbs } from '../operate/verbs.ts';
import { describeSettings } from '../settings.ts';
import { settings as stack } from '../stack/config.ts';

// `npm run generate` writes the parts of README.md that code or a measurement knows better than a person: between
// <!-- NAME --> and <!-- /NAME -->. With --check it only says whether they are stale.

const readme = new URL('../README.md', import.meta.url);

function settingsTables(): string {
  const rooms: [string, z.ZodObject][] = [
    ['The embedded stack (`stack/`, or a line in `.env`)', stack],
    ['`ingest/`', ingest],
    ['`connect/`, when it registers', connect],
    ['`connect/watch/`', watch],
    ['`cleanup/`', cleanup],
    ["`operate/`, the operator's commands", operate],
    ['`consumers-example/`', consumer],
  ];
  return rooms
    .map(([title, schema]) => {
      const rows = describeSettings(schema).map(({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`);
      return [`**${title}**`, '', '| Setting | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
    })
    .join('\n\n');
}

function verbTable(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = Object.entries(verbs).map(([name, { usage, about }]) => `| \`${cell(`${name} ${usage}`.trim())}\` | ${cell(about)} |`);
  return ['| Verb | What it does |', '|---|---|', ...rows].join('\n');
}

function errorTable(): string {
  const rows = Object.entries(faults).map(([code, { status, retryable }]) => `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} |`);
  return ['| Code | Status | Send again |', '|---|---|---|', ...rows].join('\n');
}

interface Latency {
  date: string;
  cpus: number;
  rate: number;
  p50: Spread;
  p99: Spread;
}
interface Spread {
  median: number;
  least: number;
  most: number;
}
interface Decode {
  decoder: Spread;
  client: Spread;
}
interface Boot {
  cold: { seconds: number; npmSeconds: number; mavenSeconds: number };
  warm: number[];
  memoryMb: number;
}

const measured = (file: string): unknown => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));

function figures(): string {
  const { date, cpus, rate, p50, p99 } = measured('latency.json') as Latency;
  const { cold, warm, memoryMb } = measured('boot.json') as Boot;
  const decode = measured('decode.json') as Decode;
  const perSecond = ({ median, least, most }: Spread) => `${median} records/s (${least}–${most})`;
  const ms = ({ median, least, most }: Spread) => `${median.toFixed(1)} ms (${least.toFixed(1)}–${most.toFixed(1)})`;
  const s = (seconds: number | undefined) => `${(seconds ?? NaN).toFixed(1)} s`;
  const rows = [
    [`COMMIT's reply at ingest → consumer's handler, ${rate} events/s, p50`, ms(p50), '`npm run bench:latency`'],
    ['the same, p99', ms(p99), 'median of three rounds of 20 s, spread in brackets'],
    ['a consumer decodes into typed events, one core', perSecond(decode.decoder), '`npm run bench:decode`, median of three rounds'],
    ["the same by the registry client's own `decode`", perSecond(decode.client), 'in turns with it; builds its resolver for each record'],
    [
      '`make up`, cold',
      s(cold.seconds),
      `\`npm run bench:boot\`; of it ${s(cold.npmSeconds)} for npm's and ${s(cold.mavenSeconds)} for Maven's packages`,
    ],
    ['`make up`, warm', `${s(warm[1])} (${s(warm[0])}–${s(warm[2])})`, 'median of three, spread in brackets'],
    ['resident memory of the whole stack', `${memoryMb} MB`, '`make status`; pages that processes share count once for each'],
  ];
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  return [`Measured on ${date.slice(0, 10)} with ${cpus} cores.`, '', '| What | Figure | How |', '|---|---|---|', ...lines].join('\n');
}

const generated: Record<string, () => string> = { settings: settingsTables, errors: errorTable, verbs: verbTable, figures };

const before = readFileSync(readme, 'utf8');
let after = before;
for (const [name, make] of Object.entries(generated)) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [after.indexOf(open), after.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${open} … ${close}`);
  after = `${after.slice(0, from + open.length)}\n${make()}\n${after.slice(to)}`;
}
if (!process.argv.includes('--check')) writeFileSync(readme, after);
else if (after !== before) {
  process.stderr.write('README.md is stale: its generated parts differ from the code. Run: npm run generate\n');
  process.exitCode = 1;
}
