import { execFile } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HOOK, runJson } from './child.ts';
import { atLeast, atMost, printGoals, spread } from './figures.ts';
import { machine } from './machine.ts';
import { startPostgres, type Database } from './postgres-alone.ts';
import { startServer } from './server.ts';

// `npm run bench:ingest`: the throughput of ingest, compared with three others in the same run:
//   bare         the same server with the whole contract on, where only the write returns at once
//   ours         ingest as it is, with a rate limit above the load
//   pgbench      the same two inserts, one transaction per event, straight to Postgres
//   transaction  one interactive Prisma transaction per request, as tutorials write it
// Closed loop, 64 connections, 400 bytes of JSON. Servers, Postgres and the load are separate processes on this machine.
// Postgres has the stack's settings (fsync on) and no connector: Kafka and Connect would take CPU from all legs alike, and
// bench:latency measures them. Rounds are interleaved, so that other load on the machine affects every leg. Writes
// bench/results/ingest.json, or with BENCH_NAME=x ingest-x.json, for a machine or a clock speed to compare with.

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 64;
const CALM_RATE = 500;
const PGBENCH_CLIENTS = 16;
const DIR = '.stack/bench-ingest';
const GOALS = { ofBare: 0.65, timesPgbench: 2, timesTransaction: 12, calmP99Ms: 30, memoryMb: 250 };

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const run = promisify(execFile);

interface Load {
  perSecond: number;
  p50: number;
  p99: number;
  faults: number;
}

interface Leg extends Load {
  memoryMb: number;
}

const load = (url: string, seconds: number, rate?: number) =>
  runJson<Load>('load.ts', url, String(CONNECTIONS), String(seconds), ...(rate === undefined ? [] : [String(rate)]));

/** Starts a server, puts it under load and ends it. */
async function serverLeg(file: string, DATABASE_URL: string, database: Database, rate?: number): Promise<Leg> {
  await database.reset();
  const server = await startServer(file, DATABASE_URL, { RATE_LIMIT_PER_ZAP: '100000', RATE_LIMIT_TOTAL: '100000' });
  try {
    const url = `http://127.0.0.1:${server.port}${HOOK}`;
    await load(url, WARM_UP_SECONDS, rate);
    const result = await load(url, SECONDS, rate);
    return { ...result, memoryMb: server.memoryMb().peak };
  } finally {
    await server.stop();
  }
}

function findPgbench(): string {
  const versions = '/usr/lib/postgresql';
  const installed = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin/pgbench')) : [];
  const found = [...(process.env.PATH ?? '').split(':').map((folder) => join(folder, 'pgbench')), ...installed].find((path) =>
    existsSync(path),
  );
  if (found === undefined) throw new Error('pgbench is missing. Debian: apt-get install postgresql; macOS: brew install postgresql');
  return found;
}

async function pgbenchLeg(pgbench: string, database: Database): Promise<Load> {
  await database.reset();
  const args = ['-n', '-M', 'prepared', '-c', String(PGBENCH_CLIENTS), '-j', '2', '-D', 'n=0', '-f', here('two-inserts.sql')];
  const bench = (seconds: number) => run(pgbench, [...args, '-T', String(seconds), database.url('ingest')]);
  await bench(WARM_UP_SECONDS);
  await database.reset();
  const { stdout } = await bench(SECONDS);
  const figure = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  const faults = figure(/number of failed transactions: (\d+)/);
  return { perSecond: figure(/tps = ([\d.]+)/), p50: figure(/latency average = ([\d.]+)/), p99: NaN, faults };
}

const on = machine();
const database = await startPostgres(DIR);
const pgbench = findPgbench();
const [ingest, owner] = [database.url('ingest'), database.url('outbox_owner')];
const legs: Record<string, () => Promise<Load & Partial<Leg>>> = {
  bare: () => serverLeg('bare-server.ts', ingest, database),
  ours: () => serverLeg('../ingest/main.ts', ingest, database),
  pgbench: () => pgbenchLeg(pgbench, database),
  transaction: () => serverLeg('transaction-server.ts', owner, database),
  calm: () => serverLeg('../ingest/main.ts', ingest, database, CALM_RATE),
};
const results: Record<string, (Load & Partial<Leg>)[]> = {};
try {
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, leg] of Object.entries(legs)) {
      const result = await leg();
      if (result.faults > 0 || !(result.perSecond > 0))
        throw new Error(`${name}: ${result.faults} requests failed, ${result.perSecond}/s were answered`);
      (results[name] ??= []).push(result);
      const memory = result.memoryMb === undefined ? '' : `, at most ${result.memoryMb} MB`;
      print(`round ${round} ${name.padEnd(11)} ${result.perSecond.toFixed(0).padStart(6)}/s, p99 ${result.p99} ms${memory}`);
    }
  }
} finally {
  await database.stop();
}

const over = (name: string, pick: (leg: Load & Partial<Leg>) => number) => spread((results[name] ?? []).map(pick));
const perSecond = Object.fromEntries(['bare', 'ours', 'pgbench', 'transaction'].map((name) => [name, over(name, (leg) => leg.perSecond)]));
const times = (name: string) => (perSecond.ours?.median ?? NaN) / (perSecond[name]?.median ?? NaN);
const figures = { ofBare: times('bare'), timesPgbench: times('pgbench'), timesTransaction: times('transaction') };
const calmP99Ms = over('calm', ({ p99 }) => p99);
const memoryMb = over('ours', ({ memoryMb: used }) => used ?? NaN);
const summary = {
  ...on,
  connections: CONNECTIONS,
  perSecond,
  ...figures,
  calmP99Ms,
  memoryMb,
  rounds: results,
};
const { BENCH_NAME } = process.env;
writeFileSync(here(`results/ingest${BENCH_NAME === undefined ? '' : `-${BENCH_NAME}`}.json`), `${JSON.stringify(summary, null, 2)}\n`);

for (const [name, { median, least, most }] of Object.entries(perSecond))
  print(`${name.padEnd(11)} ${median.toFixed(0)}/s (${least.toFixed(0)}–${most.toFixed(0)})`);
printGoals([
  atLeast('ours / bare', figures.ofBare, GOALS.ofBare, 2),
  atLeast('ours / pgbench', figures.timesPgbench, GOALS.timesPgbench, 2),
  atLeast('ours / transaction', figures.timesTransaction, GOALS.timesTransaction, 2),
  atMost(`p99 at ${CALM_RATE}/s, ms`, calmP99Ms.median, GOALS.calmP99Ms),
  atMost('memory of ours, MB', memoryMb.most, GOALS.memoryMb),
]);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
