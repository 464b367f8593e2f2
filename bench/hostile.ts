import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { hostile, type Kind } from '../test/support/hostile-senders.ts';
import { HOOK, openLoad } from './child.ts';
import { atMost, printGoals, type Goal } from './figures.ts';
import { startPostgres } from './postgres-alone.ts';
import { pause } from './rows.ts';
import { startServer, type Server } from './server.ts';

// `npm run bench:hostile`: what senders who want to do harm cost the others and ingest's memory. Each kind attacks a
// new ingest, from a process of its own, while 500 ordinary requests a second are sent. The measurement begins with
// the attack. Writes bench/results/hostile.json.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const RATE = 500;
const KINDS = (process.env.BENCH_KINDS?.split(',') ?? Object.keys(hostile(HOOK))) as Kind[];
const GOAL_P99_MS = 100;
const GOAL_MEMORY_MB = 450;

async function leg(server: Server, kind: Kind) {
  await openLoad(server.port, RATE, 5); // Warms up.
  const before = await openLoad(server.port, RATE, 3);
  const memoryBefore = server.memoryMb().now;
  const file = fileURLToPath(new URL('hostile-load.ts', import.meta.url));
  const attacker = spawn(process.execPath, ['--import', 'tsx', file, String(server.port), kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen = text(attacker.stdout);
  await pause(500); // It starts.
  const during = await openLoad(server.port, RATE, SECONDS);
  attacker.stdin.end();
  const memory = { before: memoryBefore, ...server.memoryMb() };
  return { kind, before, during, memory, attacker: JSON.parse(await seen) as unknown };
}

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
writeFileSync(
  new URL('results/hostile.json', import.meta.url),
  `${JSON.stringify({ date: new Date().toISOString(), cpus: cpus().length, rate: RATE, legs }, null, 2)}\n`,
);
printGoals(
  legs.flatMap(({ kind, during, memory }): Goal[] => {
    const { what, connections } = hostile(HOOK)[kind];
    const name = `${connections} × ${what}`;
    return [
      atMost(`${name}: others not stored`, during.others + during.refused.perSecond * SECONDS, 0),
      atMost(`${name}: others' p99, ms`, during.stored.p99, GOAL_P99_MS, 1),
      atMost(`${name}: resident memory at most, MB`, memory.peak, GOAL_MEMORY_MB),
    ];
  }),
);
process.exit();
