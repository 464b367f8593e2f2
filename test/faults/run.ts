import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { integer, list, settingsOrExit } from '../../kit/settings.ts';
import type { Facts } from './facts.ts';
import { faultsOf } from './faults.ts';
import { gather } from './gather.ts';
import { openHistory } from './history.ts';
import { check } from './invariants.ts';
import { indexOf } from './lookup.ts';
import { runNemesis } from './nemesis.ts';
import { explain, rowsOf, tableOf } from './report.ts';
import { keepResult, thisMachine } from './results.ts';
import { unrestOf } from './rest.ts';
import { makeSchedule, parseSchedule, printStep } from './schedule.ts';
import { createWorld, type World } from './world.ts';

// `make faults`: breaks its own stack by a schedule that a seed decides, and checks the fate of every event.

const settings = z.object({
  SEED: integer(0, 4_294_967_295)
    .default(randomBytes(4).readUInt32BE())
    .describe('Decides everything that is random; the same seed repeats a run'),
  EVENTS: integer(100, 10_000_000).default(5000).describe('How many events must be accepted'),
  KILLS: integer(0, 10_000).default(20).describe('How many parts are killed'),
  OTHERS: integer(0, 10_000).default(10).describe('How many other faults come between the kills'),
  ALWAYS: list().default(['slot dropped']).describe('Faults that every run has once'),
  FAULTS: list().describe('Only these faults; none: all that are not long'),
  SCHEDULE: z.string().optional().describe('A schedule by hand instead: fault:part:seconds, separated by commas; & overlaps, . rests'),
  RATE: integer(1, 10_000).default(100).describe('Events per second'),
  ZAPS: integer(1, 1000).default(40).describe('Zaps that events are posted to, one after the other for each'),
  REPEATS: integer(0, 100_000_000).optional().describe('Repeats beyond which the run fails; none: they are only counted'),
  REST_SECONDS: integer(10, 3600).default(180).describe('How long everything may take to come to rest in the end'),
  RECOVER_SECONDS: integer(1, 3600).default(60).describe('How long after a fault p99 may be above a second'),
  RESULTS: z.string().optional().describe('Folder for the figures of the run; none: they are only printed'),
  FAULTS_DIR: z.string().default('.stack/faults').describe('Where the stack, the history and the report are kept'),
});

const LONG = ['long freeze'];
const PROGRESS_MS = 5000;
const STUCK_MS = 120_000;

const config = settingsOrExit(settings, process.env);
const began = performance.now();
const say = (line: string) => process.stdout.write(`${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${line}\n`);

/** Lets everything come to rest. @returns what did not */
async function comeToRest(world: World): Promise<string[]> {
  await world.driver.stop();
  say('the driver has stopped');
  const until = performance.now() + config.REST_SECONDS * 1000;
  let unrest: string[];
  do {
    await delay(1000);
    unrest = await unrestOf(world);
  } while (unrest.length > 0 && performance.now() < until);
  return unrest;
}

async function run(world: World): Promise<Facts> {
  const kinds = faultsOf(world.config, [...world.links.keys()]);
  const chosen = kinds.filter(({ name }) => (config.FAULTS.length > 0 ? config.FAULTS.includes(name) : !LONG.includes(name)));
  const { SEED: seed, EVENTS: events, KILLS: kills, OTHERS: others, ALWAYS: always } = config;
  const steps =
    config.SCHEDULE === undefined
      ? makeSchedule(chosen, { seed, events, kills, others, always })
      : parseSchedule(config.SCHEDULE, kinds, events);
  for (const step of steps) say(printStep(step));
  const history = openHistory(world.file('history.ndjson'));
  let [most, moved] = [0, performance.now()];
  const progress = setInterval(() => {
    const { ok, refused, unknown } = world.driver.progress();
    if (ok > most) [most, moved] = [ok, performance.now()];
    say(`accepted ${ok}, refused ${refused}, unknown ${unknown}`);
  }, PROGRESS_MS);
  await runNemesis(world, steps, kinds, history, say);
  // A product that stops accepting must not keep the run going forever.
  while (world.driver.progress().ok < events && performance.now() - moved < STUCK_MS) await delay(100);
  clearInterval(progress);
  say('the driver stops, and everything may come to rest');
  const unrest = await comeToRest(world);
  history.close();
  for (const what of unrest) say(`did not come to rest: ${what}`);
  say('the witness reads the topic');
  return gather(world, unrest, CANARY);
}

const CANARY = `canary-${randomBytes(12).toString('hex')}`;
say(`seed ${config.SEED}, PROFILE=${process.env.PROFILE ?? 'single'}`);
const size = { dir: resolve(config.FAULTS_DIR), seed: config.SEED, zaps: config.ZAPS, rate: config.RATE, canary: CANARY };
const world = await createWorld(size, say);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    // An interrupted run must not wait until every part has stopped in order.
    world.kill();
    process.exit(1);
  });
}
try {
  const facts = await run(world);
  const bounds = { repeats: config.REPEATS, recoverSeconds: config.RECOVER_SECONDS, retainedWal: 128 * 2 ** 20, clocks: true };
  const violations = check(facts, bounds);
  const index = indexOf(facts, bounds);
  process.stdout.write(`\n${tableOf(rowsOf(index, violations))}\n\n`);
  const repeats = facts.records.length - index.recordsOf.size;
  say(`${facts.ops.length} events, ${facts.records.length} records, ${repeats} repeats, ${facts.calls.length} calls`);
  if (config.RESULTS !== undefined) {
    const { SEED: seed, EVENTS: events, KILLS: kills, OTHERS: others, RATE: rate, ZAPS: zaps, SCHEDULE: schedule = '' } = config;
    const { PROFILE: profile } = world.config;
    keepResult(config.RESULTS, `${profile}-${seed}`, {
      ...{
        date: new Date().toISOString(),
        machine: thisMachine(),
        settings: { profile, seed, events, kills, others, rate, zaps, schedule },
      },
      ...{ seconds: Math.round((performance.now() - began) / 1000), records: facts.records.length, repeats, calls: facts.calls.length },
      ...{ rows: rowsOf(index, violations), violations: violations.slice(0, 50) },
    });
  }
  if (violations.length > 0) {
    process.stdout.write(`\n${explain(facts, violations)}\n\n`);
    const broken = [...new Set(violations.map(({ invariant }) => invariant))];
    say(
      `FAILED: ${broken.join(', ')} do not hold. To repeat: SEED=${config.SEED} with the same settings. The history: ${join(size.dir, 'history.ndjson')}`,
    );
    process.exitCode = 1;
  } else say('every promise held');
} finally {
  await world.end();
}
process.exit();
