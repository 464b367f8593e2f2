import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Violation } from './facts.ts';
import { longest, tableOf, type Row } from './report.ts';

/** The stored figures of a run. */
export interface Result {
  date: string;
  machine: string;
  /** The settings that repeat the run. */
  settings: Readonly<Record<string, string | number>>;
  seconds: number;
  records: number;
  repeats: number;
  calls: number;
  rows: readonly Row[];
  violations: readonly Violation[];
}

export const thisMachine = () =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;

export const resultPath = (folder: string, name: string) => join(folder, `${name}.json`);

export function keepResult(folder: string, name: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(resultPath(folder, name), `${JSON.stringify(result, null, 2)}\n`);
}

/** The kept runs, by name. */
export function readResults(folder: string): Result[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
  return files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Result);
}

/** The rows of all runs, those of one fault added up. */
function mergeRows(results: readonly Result[]): Row[] {
  const merged = new Map<string, Row>();
  for (const row of results.flatMap(({ rows }) => rows)) {
    const known = merged.get(row.fault);
    merged.set(row.fault, known === undefined ? { ...row } : added(known, row));
  }
  return [...merged.values()].sort((a, b) => (a.fault < b.fault ? -1 : 1));
}

function added(a: Row, b: Row): Row {
  const counts = ['times', 'accepted', 'refused', 'unknown', 'lost', 'repeated', 'reordered', 'early', 'actions'] as const;
  const sums = Object.fromEntries(counts.map((name) => [name, a[name] + b[name]]));
  return { ...a, ...sums, emptyAfter: longest(a.emptyAfter, b.emptyAfter), quickAfter: longest(a.quickAfter, b.quickAfter) };
}

/** Runs that were kept before there were profiles are of the first one. */
const profileOf = ({ settings }: Result) => settings.profile ?? 'single';

/** The matrix of docs/reliability.md, one table for each profile. */
export function matrixOf(results: readonly Result[]): string {
  if (results.length === 0) return 'No run was kept yet.';
  return [...new Set(results.map(profileOf))]
    .map((profile) => `\`PROFILE=${profile}\`: ${tableOfRuns(results.filter((result) => profileOf(result) === profile))}`)
    .join('\n\n');
}

function tableOfRuns(results: readonly Result[]): string {
  const sum = (pick: (result: Result) => number) => results.reduce((all, result) => all + pick(result), 0);
  const rows = mergeRows(results);
  const [first, last] = [
    results
      .map(({ date }) => date)
      .sort()[0]
      ?.slice(0, 10),
    results
      .map(({ date }) => date)
      .sort()
      .at(-1)
      ?.slice(0, 10),
  ];
  const machines = [...new Set(results.map(({ machine }) => machine))].join('; ');
  const when = first === last ? first : `${first} to ${last}`;
  const broken = results.filter(({ violations }) => violations.length > 0);
  return [
    `${results.length} runs, ${when}, on ${machines}: ${sum(({ records, repeats }) => records - repeats)} events, ` +
      `${rows.reduce((all, { times }) => all + times, 0)} faults, ${sum(({ repeats }) => repeats)} repeats, ${Math.round(sum(({ seconds }) => seconds) / 60)} minutes. ` +
      (broken.length === 0 ? 'Every promise held in each of them.' : `In ${broken.length} of them a promise did not hold.`),
    '',
    tableOf(rows),
    ...broken.flatMap(({ settings, violations }) => [
      '',
      `Seed ${settings.seed}: ${[...new Set(violations.map(({ invariant, says }) => `${invariant} ${says}`))].slice(0, 5).join('; ')}`,
    ]),
  ].join('\n');
}
