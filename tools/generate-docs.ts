import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { settings as cleanup } from '../cleanup/config.ts';
import { settings as connect } from '../connect/config.ts';
import { settings as watch } from '../watch/config.ts';
import { settings as actions } from '../consumers-example/actions/config.ts';
import { settings as consumer } from '../consumers-example/config.ts';
import { faults } from '../ingest/errors.ts';
import { settings as ingest } from '../ingest/config.ts';
import { settings as page } from '../operate/console/config.ts';
import { administratorSettings, settings as operate } from '../operate/config.ts';
import { checks, systemFindings } from '../operate/diagnose.ts';
import { describeVerbs } from '../operate/program.ts';
import { describeSettings } from '../kit/settings.ts';
import { mutants } from '../test/faults/mutants.ts';
import { matrixOf, readResults } from '../test/faults/results.ts';
import { settings as stack } from '../stack/settings.ts';
import { comparison } from './comparison.ts';
import { documents } from './documents.ts';
import { figures } from './figures.ts';
import { scalingTable } from './scaling.ts';
import { hostileFigures } from './hostile-figures.ts';
import { vendorTables } from './vendors.ts';

// `npm run generate` writes the parts of the documents that come from code or from a measurement, between <!-- NAME --> and
// <!-- /NAME -->, each on one page. With --check it only reports stale pages.

function settingsTables(): string {
  const rooms: [string, z.ZodObject][] = [
    ['The embedded stack (`stack/`, or a line in `.env`)', stack],
    ['`ingest/`', ingest],
    ['`connect/`, when it registers', connect],
    ['`watch/`', watch],
    ['`cleanup/`', cleanup],
    ["`operate/`, the operator's commands", operate],
    ['`bootstrap`, the one command of an administrator', administratorSettings],
    ['`operate/console/`, beside those of the commands', page.omit(operate.shape as Record<keyof typeof operate.shape, never>)],
    ['`consumers-example/`', consumer],
    ['`consumers-example/actions/`', actions],
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
  const rows = describeVerbs().map(({ usage, about }) => `| \`${cell(usage)}\` | ${cell(about)} |`);
  return ['| Verb | What it does |', '|---|---|', ...rows].join('\n');
}

function errorTable(): string {
  const rows = Object.entries(faults).map(([code, { status, retryable }]) => `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} |`);
  return ['| Code | Status | Send again |', '|---|---|---|', ...rows].join('\n');
}

/** What was found and what to do are in the finding itself, as both depend on what was read. */
function findingTable(): string {
  const order = ['unsafe', 'broken', 'weak'];
  const rows = [...systemFindings, ...checks]
    .toSorted((a, b) => order.indexOf(a.grade) - order.indexOf(b.grade) || a.code.localeCompare(b.code))
    .map(({ code, grade, why }) => `| \`${code}\` | ${grade} | ${why} |`);
  return ['| Code | Grade | Why it matters |', '|---|---|---|', ...rows].join('\n');
}

const faultResults = fileURLToPath(new URL('../bench/results/faults', import.meta.url));
const faultMatrix = () => matrixOf(readResults(faultResults));

function mutantTable(): string {
  const rows = mutants.map(({ name, schedule, caughtBy }) => `| ${name} | \`${schedule}\` | ${caughtBy.join(' or ')} |`);
  return ['| Mutant | Schedule that shows it | Invariant that must find it |', '|---|---|---|', ...rows].join('\n');
}

const generated: Record<string, () => string> = {
  settings: settingsTables,
  errors: errorTable,
  findings: findingTable,
  verbs: verbTable,
  figures,
  comparison,
  'hostile senders': hostileFigures,
  scaling: scalingTable,
  vendors: vendorTables,
  'fault matrix': faultMatrix,
  mutants: mutantTable,
};

const pages = new Map(documents().map((path) => [path, readFileSync(path, 'utf8')]));
const stale = new Set<string>();
for (const [name, make] of Object.entries(generated)) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [path, ...others] = [...pages.keys()].filter((page) => pages.get(page)?.includes(open));
  if (path === undefined || others.length > 0)
    throw new Error(`${open} must be on one page, and is on ${others.length + Number(path !== undefined)}`);
  const before = pages.get(path) ?? '';
  const [from, to] = [before.indexOf(open) + open.length, before.indexOf(close)];
  if (to < from) throw new Error(`${path} has no ${close} after ${open}`);
  const after = `${before.slice(0, from)}\n${make()}\n${before.slice(to)}`;
  if (after !== before) stale.add(path);
  pages.set(path, after);
}
for (const path of stale) {
  if (!process.argv.includes('--check')) writeFileSync(path, pages.get(path) ?? '');
  else {
    process.stderr.write(`${path} is stale: its generated parts differ from the code. Run: npm run generate\n`);
    process.exitCode = 1;
  }
}
