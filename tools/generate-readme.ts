import { readFileSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { settings as cleanup } from '../cleanup/config.ts';
import { settings as connect } from '../connect/config.ts';
import { settings as watch } from '../watch/config.ts';
import { settings as actions } from '../consumers-example/actions/config.ts';
import { settings as consumer } from '../consumers-example/config.ts';
import { faults } from '../ingest/errors.ts';
import { settings as ingest } from '../ingest/config.ts';
import { settings as operate } from '../operate/config.ts';
import { verbs } from '../operate/verbs.ts';
import { describeSettings } from '../kit/settings.ts';
import { settings as stack } from '../stack/config.ts';
import { figures } from './figures.ts';

// `npm run generate` writes the parts of README.md that code or a measurement knows better than a person: between
// <!-- NAME --> and <!-- /NAME -->. With --check it only says whether they are stale.

const readme = new URL('../README.md', import.meta.url);

function settingsTables(): string {
  const rooms: [string, z.ZodObject][] = [
    ['The embedded stack (`stack/`, or a line in `.env`)', stack],
    ['`ingest/`', ingest],
    ['`connect/`, when it registers', connect],
    ['`watch/`', watch],
    ['`cleanup/`', cleanup],
    ["`operate/`, the operator's commands", operate],
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
  const rows = Object.entries(verbs).map(([name, { usage, about }]) => `| \`${cell(`${name} ${usage}`.trim())}\` | ${cell(about)} |`);
  return ['| Verb | What it does |', '|---|---|', ...rows].join('\n');
}

function errorTable(): string {
  const rows = Object.entries(faults).map(([code, { status, retryable }]) => `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} |`);
  return ['| Code | Status | Send again |', '|---|---|---|', ...rows].join('\n');
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
