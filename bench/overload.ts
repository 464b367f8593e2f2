import { writeFileSync } from 'node:fs';
import { startProxy } from '../test/support/proxy.ts';
import { openLoad } from './child.ts';
import { atLeast, atMost, printGoals, spread } from './figures.ts';
import { startPostgres } from './postgres-alone.ts';
import { pause } from './rows.ts';
import { startServer } from './server.ts';
import { machine } from './machine.ts';

// `npm run bench:overload`: ingest at five times the capacity of its database. Postgres is behind a link that delays
// everything sent to it by half a second, which limits it to about a thousand events per second (two groups of 256 at a
// time). The load is open: a fixed rate, on as many connections as it needs. Ingest, Postgres and the load are separate
// processes. Writes bench/results/overload.json.

const on = machine();
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const CAPACITY_SECONDS = 15;
const DELAY_MS = 500;
const NOMINAL_CAPACITY = 1000;
const TIMES = 5;
/** By then the sockets and the queue are there. */
const MEMORY_FROM_SECOND = 10;
const GOALS = { ofCapacity: 0.8, refusedP99Ms: 100, memoryGrowth: 1.1, storedP99Ms: 3000 };

const database = await startPostgres('.stack/bench-overload');
const proxy = await startProxy(Number(new URL(database.url('ingest')).port));
const through = new URL(database.url('ingest'));
through.port = String(proxy.port);

async function round() {
  proxy.delayMs = 0;
  await database.reset();
  const server = await startServer('../ingest/main.ts', through.href);
  try {
    await openLoad(server.port, 500, 5); // Warms up, at full speed.
    proxy.delayMs = DELAY_MS;
    // The capacity, measured with a load slightly above it.
    const capacity = (await openLoad(server.port, NOMINAL_CAPACITY * 1.2, CAPACITY_SECONDS)).stored.perSecond;
    const memory: number[] = [];
    const overloaded = openLoad(server.port, NOMINAL_CAPACITY * TIMES, SECONDS);
    const ended = overloaded.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([ended, pause(1000)]))) memory.push(server.memoryMb().now);
    const { stored, refused, others } = await overloaded;
    const [early = NaN, late = NaN] = [memory[MEMORY_FROM_SECOND], memory.at(-2)];
    return { capacity, stored, refused, others, memoryMb: { early, late, peak: server.memoryMb().peak } };
  } finally {
    await server.stop();
  }
}

const rounds: Awaited<ReturnType<typeof round>>[] = [];
try {
  for (let n = 1; n <= ROUNDS; n += 1) {
    const result = await round();
    rounds.push(result);
    const { capacity, stored, refused, others, memoryMb } = result;
    process.stdout.write(
      `round ${n}: capacity ${capacity.toFixed(0)}/s; stored ${stored.perSecond.toFixed(0)}/s, p99 ${stored.p99.toFixed(0)} ms; ` +
        `refused ${refused.perSecond.toFixed(0)}/s, p50 ${refused.p50.toFixed(1)} ms, p99 ${refused.p99.toFixed(1)} ms; ` +
        `${others} others; memory ${memoryMb.early} → ${memoryMb.late} MB\n`,
    );
  }
} finally {
  await proxy.close();
  await database.stop();
}

const over = (pick: (one: (typeof rounds)[number]) => number) => spread(rounds.map(pick));
const figures = {
  ofCapacity: over(({ stored, capacity }) => stored.perSecond / capacity),
  storedP99Ms: over(({ stored }) => stored.p99),
  refusedP99Ms: over(({ refused }) => refused.p99),
  memoryGrowth: over(({ memoryMb }) => memoryMb.late / memoryMb.early),
  others: rounds.reduce((sum, { others }) => sum + others, 0),
};
const result = { ...on, seconds: SECONDS, times: TIMES, ...figures, rounds };
writeFileSync(new URL('results/overload.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([
  atLeast('stored, of the capacity', figures.ofCapacity.median, GOALS.ofCapacity, 2),
  atMost('p99 of a refusal, ms', figures.refusedP99Ms.median, GOALS.refusedP99Ms),
  atMost('p99 of what is stored, ms', figures.storedP99Ms.median, GOALS.storedP99Ms),
  atMost('memory at the end, of that after ten seconds', figures.memoryGrowth.median, GOALS.memoryGrowth, 2),
  atMost('requests that were neither stored nor refused', figures.others, 0),
]);
process.exit();
