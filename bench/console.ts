import { existsSync, writeFileSync } from 'node:fs';
import { readStackConfig } from '../stack/config.ts';
import { EmbeddedStack } from '../stack/embedded.ts';
import { cpuSeconds } from './cpu.ts';
import { atMost, printGoals, spread, type Spread } from './figures.ts';
import { pause } from './rows.ts';
import { machine } from './machine.ts';

// `npm run bench:console`, on a running embedded stack (`make up`): the cost of the page of the pipeline while no
// browser, one and ten have it open. A page is its stream of events, read as a browser reads it. The doctor runs once a
// minute, so a window lasts a minute. Writes bench/results/console.json.

const on = machine();
const PAGES = [0, 1, 10] as const;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const WINDOW_SECONDS = 60;
/** The time for a first page to settle, and after the last one: connections, the first snapshot. */
const SETTLE_SECONDS = 10;
/** Percent of a core. */
const GOALS = { open: 2, closed: 0.3 };

if (existsSync('.env')) process.loadEnvFile('.env');
const config = readStackConfig(process.env);
const part = (await new EmbeddedStack(config).status())?.find(({ name }) => name === 'console');
if (part?.pid === undefined) throw new Error('no embedded stack runs here: STACK=embedded make up');
const { pid } = part;

/** @returns closes the page and returns how many snapshots it was sent */
async function open(): Promise<() => number> {
  const closing = new AbortController();
  const response = await fetch(`http://localhost:${config.CONSOLE_PORT}/live`, { signal: closing.signal });
  const { body } = response;
  if (!response.ok || body === null) throw new Error(`/live answers ${response.status}; with CONSOLE_PASSWORD this cannot be measured`);
  let snapshots = 0;
  const reader = body.getReader();
  void (async () => {
    while (!(await reader.read()).done) snapshots += 1;
  })().catch(() => undefined); // It is aborted at the end.
  return () => {
    closing.abort();
    return snapshots;
  };
}

async function measure(pages: number): Promise<number> {
  const opened = await Promise.all(Array.from({ length: pages }, open));
  await pause(SETTLE_SECONDS * 1000);
  const [before, began] = [cpuSeconds(pid), performance.now()];
  await pause(WINDOW_SECONDS * 1000);
  const percent = ((cpuSeconds(pid) - before) * 100_000) / (performance.now() - began);
  const snapshots = opened.map((close) => close());
  if (snapshots.some((count) => count < WINDOW_SECONDS * 0.9)) throw new Error(`a page got only ${Math.min(...snapshots)} snapshots`);
  return percent;
}

const percents = new Map<number, number[]>(PAGES.map((pages) => [pages, []]));
for (let round = 1; round <= ROUNDS; round += 1) {
  for (const [pages, of] of percents) {
    of.push(await measure(pages));
    process.stdout.write(`round ${round}, ${pages} pages: ${of.at(-1)?.toFixed(2)} % of a core\n`);
  }
}
const percent = Object.fromEntries([...percents].map(([pages, of]): [number, Spread] => [pages, spread(of)]));
const result = { ...on, windowSeconds: WINDOW_SECONDS, percent };
writeFileSync(new URL('results/console.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([
  atMost('ten pages, % of a core', percent[10]?.median ?? NaN, GOALS.open, 2),
  atMost('no page, % of a core', percent[0]?.median ?? NaN, GOALS.closed, 2),
]);
