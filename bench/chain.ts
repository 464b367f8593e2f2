import { writeFileSync } from 'node:fs';
import { chainGoals } from './chain-goals.ts';
import { printGoals, spread } from './figures.ts';
import { machine } from './machine.ts';
import { pause } from './rows.ts';
import { bootWholeStack, CONNECTIONS, usedBetween, WARM_UP_SECONDS, ZAPS } from './whole-stack.ts';

// `npm run bench:chain`: the whole chain, with everything on, on its own stack: accepted by ingest → on the topic → read
// by both groups → deleted. The load is closed (64 connections, 400-byte events over 100 zaps) and shares the machine. It
// measures the rate at which rows leave the outbox while its depth stays flat, and then the idle stack.

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const IDLE_SECONDS = 20;

const say = (line: string) => process.stdout.write(`${line}\n`);
const on = machine();
const { depth, cpuByPart, load, untilEmpty, down } = await bootWholeStack('.stack/bench');

async function round() {
  const [before, cpuBefore, began] = [await depth(), await cpuByPart(), performance.now()];
  const { perSecond, p50, p99 } = await load(SECONDS);
  const seconds = (performance.now() - began) / 1000;
  const [after, cpu] = [await depth(), usedBetween(cpuBefore, await cpuByPart())];
  const accepted = perSecond * SECONDS;
  const microseconds = Object.fromEntries(Object.entries(cpu).map(([name, used]) => [name, Math.round((used / accepted) * 1e6)]));
  return { accepted: perSecond, deleted: (accepted - (after - before)) / seconds, depth: after, p50, p99, microseconds };
}

try {
  await load(WARM_UP_SECONDS);
  const rounds: Awaited<ReturnType<typeof round>>[] = [];
  for (let n = 1; n <= ROUNDS; n += 1) {
    const result = await round();
    rounds.push(result);
    const parts = Object.entries(result.microseconds).map(([name, us]) => `${name} ${us}`);
    say(
      `round ${n}: accepted ${result.accepted.toFixed(0)}/s, deleted ${result.deleted.toFixed(0)}/s, ${result.depth} rows wait, p99 ${result.p99} ms`,
    );
    say(`         CPU per event, µs: ${parts.join(', ')}`);
  }
  const emptied = performance.now();
  await untilEmpty(120_000);
  const drainSeconds = (performance.now() - emptied) / 1000;
  await pause(5000); // What the load left to do is not idleness.
  const idleBefore = await cpuByPart();
  await pause(IDLE_SECONDS * 1000);
  const idle = Object.fromEntries(
    Object.entries(usedBetween(idleBefore, await cpuByPart())).map(([name, used]) => [name, used / IDLE_SECONDS]),
  );
  const idleShare = Object.values(idle).reduce((sum, share) => sum + share, 0);
  say(
    `idle: ${Object.entries(idle)
      .map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`)
      .join(', ')} of a core`,
  );
  const result = {
    ...on,
    connections: CONNECTIONS,
    zaps: ZAPS,
    accepted: spread(rounds.map(({ accepted }) => accepted)),
    deleted: spread(rounds.map(({ deleted }) => deleted)),
    p99Ms: spread(rounds.map(({ p99 }) => p99)),
    drainSeconds,
    idle,
    idleShare,
    rounds,
  };
  writeFileSync(new URL('results/chain.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  printGoals(chainGoals(result));
} finally {
  await down();
}
