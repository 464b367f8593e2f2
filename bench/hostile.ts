import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { hostile, type Kind } from '../test/support/hostile-senders.ts';
import { HOOK, openLoad } from './child.ts';
import { atMost, printGoals, type Goal } from './figures.ts';
import { machine } from './machine.ts';
import { startPostgres } from './postgres-alone.ts';
import { pause } from './rows.ts';
import { startServer, type Server } from './server.ts';

// `npm run bench:hostile`: what senders who want to do harm cost the others and ingest's memory. Each kind attacks a
// new ingest, from a process of its own, while 500 ordinary requests a second are sent. The first seconds, in which it
// opens all its connections at once, are reported apart from the rest. Writes bench/results/hostile.json.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const ONSET_SECONDS = 5;
const RATE = 500;
const KINDS = (process.env.BENCH_KINDS?.split(',') ?? Object.keys(hostile(HOOK))) as Kind[];
const GOAL_P99_MS = 100;
const GOAL_MEMORY_MB = 450;

async function leg(server: Server, kind: Kind) {
  /** What else the machine was doing. */
  const [load = NaN] = loadavg();
  await openLoad(server.port, RATE, 5); // Warms up.
  const before = await openLoad(server.port, RATE, 3);
  const memoryBefore = server.memoryMb().now;
  const file = fileURLToPath(new URL('hostile-load.ts', import.meta.url));
  const attacker = spawn(process.execPath, ['--import', 'tsx', file, String(server.port), kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen = text(attacker.stdout);
  await pause(500); // It starts.
  const onset = await openLoad(server.port, RATE, ONSET_SECONDS);
  const during = await openLoad(server.port, RATE, SECONDS);
  attacker.stdin.end();
  const memory = { before: memoryBefore, ...server.memoryMb() };
  const { what, connections } = hostile(HOOK)[kind];
  return { kind, what, connections, load, before, onset, during, memory, attacker: JSON.parse(await seen) as unknown };
}

const on = machine();
const database = await startPostgres('.stack/bench-hostile');
const legs: Awaited<ReturnType<typeof leg>>[] = [];
try {
  for (const kind of KINDS) {
    await database.reset();
    const server = await startServer('../ingest/main.ts', database.url('ingest'));
    try {
      const result = await leg(server, kind);
      legs.push(result);
      process.stdout.write(`${JSON.stringify(result)}\n`);
    } finally {
      await server.stop();
    }
  }
} finally {
  await database.stop();
}
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/hostile.json', import.meta.url), `${JSON.stringify({ ...on, rate: RATE, legs }, null, 2)}\n`);
printGoals(
  legs.flatMap(({ what, connections, during, memory }): Goal[] => {
    const name = `${connections} × ${what}`;
    return [
      atMost(`${name}: others not stored`, during.others + during.refused.perSecond * SECONDS, 0),
      // Of no answers at all, JSON has no quantile.
      atMost(`${name}: others' p99, ms`, during.stored.perSecond === 0 ? Infinity : during.stored.p99, GOAL_P99_MS, 1),
      atMost(`${name}: resident memory at most, MB`, memory.peak, GOAL_MEMORY_MB),
    ];
  }),
);
process.exit();
