import { writeFileSync } from 'node:fs';
import { crawl } from '../test/support/slow-senders.ts';
import { HOOK, openLoad } from './child.ts';
import { atMost, printGoals, spread } from './figures.ts';
import { startPostgres } from './postgres-alone.ts';
import { pause, until } from './rows.ts';
import { startServer } from './server.ts';
import { machine } from './machine.ts';

// `npm run bench:slow-clients`: the p99 of 500 ordinary requests per second, without and with 500 senders that send one
// byte per second, in turns on one ingest. Writes bench/results/slow-clients.json.

const on = machine();
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const RATE = 500;
const SLOW = 500;
/** The goal of bench:ingest: 500 slow senders send as many pieces per second as the others send requests. */
const GOAL_P99_MS = 30;

/** @returns the p99 in ms */
async function p99(port: number, seconds: number): Promise<number> {
  const { stored, refused, others } = await openLoad(port, RATE, seconds);
  if (refused.perSecond > 0 || others > 0) throw new Error(`${refused.perSecond}/s were refused, ${others} were not answered`);
  return stored.p99;
}

const database = await startPostgres('.stack/bench-slow');
const rounds: { without: number; beside: number }[] = [];
try {
  const server = await startServer('../ingest/main.ts', database.url('ingest'));
  try {
    await p99(server.port, 5); // Warms up.
    for (let n = 1; n <= ROUNDS; n += 1) {
      const without = await p99(server.port, SECONDS);
      const slow = crawl(server.port, HOOK, SLOW);
      await until('the slow senders are connected', () => Promise.resolve(slow.connected() >= SLOW), 10_000);
      const beside = await p99(server.port, SECONDS);
      slow.stop();
      await pause(1000); // Their sockets close.
      rounds.push({ without, beside });
      process.stdout.write(`round ${n}: p99 ${without.toFixed(1)} ms without, ${beside.toFixed(1)} ms beside ${SLOW} slow senders\n`);
    }
  } finally {
    await server.stop();
  }
} finally {
  await database.stop();
}
const [without, beside] = [spread(rounds.map((one) => one.without)), spread(rounds.map((one) => one.beside))];
const result = { ...on, rate: RATE, slow: SLOW, without, beside, rounds };
writeFileSync(new URL('results/slow-clients.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([atMost(`p99 beside ${SLOW} slow senders, ms (without: ${without.median.toFixed(1)})`, beside.median, GOAL_P99_MS, 1)]);
process.exit();
