import { writeFileSync } from 'node:fs';
import { atLeast, atMost, printGoals } from './figures.ts';
import { machine } from './machine.ts';
import { pause } from './rows.ts';
import { bootWholeStack, CONNECTIONS, WARM_UP_SECONDS, ZAPS } from './whole-stack.ts';

// `npm run bench:growth`: whether the chain stays as fast, and the outbox as small, however many events it has handled. One
// closed load on a stack of its own with everything on, until BENCH_EVENTS events were accepted (default: a million; ten
// million take about half an hour and 15 GB). Rate, depth and the outbox's size are noted on the way.

const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000_000);
/** It ends after this time with fewer events on a slow machine. */
const MOST_SECONDS = Number(process.env.BENCH_SECONDS ?? 3600);
/** One run of the load generator. Its rate is one figure of the series. */
const LEG_SECONDS = 5;
const GOALS = { rate: 0.9, size: 1.2 };

interface Sample {
  seconds: number;
  depth: number;
  sizeMb: number;
}
/** At the end of a leg. */
interface Leg extends Sample {
  accepted: number;
  perSecond: number;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const on = machine();
const { depth, sizeMb, load, untilEmpty, down } = await bootWholeStack('.stack/bench');

try {
  await load(WARM_UP_SECONDS); // A cold JVM is not growth.
  await untilEmpty(60_000);
  const began = performance.now();
  const samples: Sample[] = [];
  const legs: Leg[] = [];
  const sample = async (): Promise<Sample> => ({
    seconds: (performance.now() - began) / 1000,
    depth: await depth(),
    sizeMb: await sizeMb(),
  });
  const loading = new AbortController();
  const sampling = (async () => {
    while (!loading.signal.aborted) {
      samples.push(await sample());
      await pause(1000);
    }
  })();
  let accepted = 0;
  while (accepted < EVENTS && performance.now() - began < MOST_SECONDS * 1000) {
    const { perSecond } = await load(LEG_SECONDS);
    accepted += perSecond * LEG_SECONDS;
    const leg = { ...(await sample()), accepted: Math.round(accepted), perSecond };
    legs.push(leg);
    say(`${leg.accepted} accepted: ${perSecond.toFixed(0)}/s, ${leg.depth} rows wait, outbox ${leg.sizeMb.toFixed(1)} MB`);
  }
  loading.abort();
  await sampling;
  const emptying = performance.now();
  await untilEmpty(300_000);
  const drainSeconds = (performance.now() - emptying) / 1000;

  // At each power of ten, and at the end: the legs from a third of it on.
  const total = Math.round(accepted);
  const powers = [1e4, 1e5, 1e6, 1e7].filter((events) => events <= total);
  // A slow machine ends between two of them.
  const steps = total > 2 * (powers.at(-1) ?? 0) ? [...powers, total] : powers;
  const atEach = steps.map((events) => {
    const reached = legs.findIndex((leg) => leg.accepted >= events);
    const last = legs.slice(0, reached + 1).filter((leg) => leg.accepted >= events / 3);
    const within = samples.filter(
      ({ seconds }) => seconds >= (last[0]?.seconds ?? 0) - LEG_SECONDS && seconds <= (last.at(-1)?.seconds ?? 0),
    );
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      events,
      perSecond: mean(last.map(({ perSecond }) => perSecond)),
      sizeMb: Math.max(...within.map((sample) => sample.sizeMb)),
      // The goal is about the mean: the greatest of more samples is greater.
      meanSizeMb: mean(within.map((sample) => sample.sizeMb)),
      depth: Math.max(...within.map((sample) => sample.depth)),
    };
  });
  const [first, last] = [atEach.find(({ events }) => events === 1e5), atEach.at(-1)];
  const ratio = (pick: (step: (typeof atEach)[number]) => number) =>
    last === undefined || first === undefined ? NaN : pick(last) / pick(first);
  const goals = [
    atLeast(
      `rate at ${last?.events} events over that at 100,000`,
      ratio(({ perSecond }) => perSecond),
      GOALS.rate,
      2,
    ),
    atMost(
      `mean size of the outbox, at ${last?.events} events over that at 100,000`,
      ratio(({ meanSizeMb }) => meanSizeMb),
      GOALS.size,
      2,
    ),
  ];
  const result = { ...on, connections: CONNECTIONS, zaps: ZAPS, events: total, atEach, drainSeconds, goals, legs, samples };
  writeFileSync(new URL('results/growth.json', import.meta.url), `${JSON.stringify(result, rounded, 1)}\n`);
  printGoals(goals);
} finally {
  await down();
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(3)) : value;
}
