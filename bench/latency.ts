import { writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createDecoder } from '../consumers-example/consumer/decode.ts';
import { consume } from '../consumers-example/consumer/kafka.ts';
import { createConsumerMetrics } from '../consumers-example/consumer/observe.ts';
import { createRegistry } from '../consumers-example/consumer/registry.ts';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC } from '../contract/names.ts';
import { zapRunCreated } from '../contract/zap-run.ts';
import { createKafka } from '../kit/kafka.ts';
import { registryFor } from '../stack/http-logins.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { quantile } from '../test/support/open-loop.ts';
import { runJson } from './child.ts';
import { atMost, printGoals, spread } from './figures.ts';
import { machine } from './machine.ts';
import { until } from './rows.ts';
import { bootWholeStack, usedBetween, WARM_UP_SECONDS } from './whole-stack.ts';

// `npm run bench:latency`: how long a webhook takes to a consumer's handler, on a stack of its own with everything on. The
// load is open: a fixed rate that does not wait for answers, from a process of its own. The handler runs in this process.
// Two figures: from the time at which the POST was due, and from the answer, which ingest sends after COMMIT, as the sender
// got it. An event that reaches the handler first counts below zero. The rates take turns.

const RATES = (process.env.BENCH_RATES ?? '100,600,2000').split(',').map(Number);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
/** At this rate. */
const GOALS = { rate: 600, p50Ms: 5, p99Ms: 20 };

const on = machine();
const { config, cpuByPart, load, untilEmpty, down } = await bootWholeStack('.stack/bench');
const now = () => Number(process.hrtime.bigint()) / 1e6;
/** The time at which a POST was due → the time at which its event reached the handler. */
const handled = new Map<number, number>();
const decode = createDecoder(createRegistry(registryFor(config, 'reader')), zapRunCreated);
const consumer = await consume({
  kafka: createKafka(kafkaFor(config, 'admin'), { clientId: 'bench' }),
  groupId: 'bench-latency',
  topic: EVENT_TOPIC,
  decode,
  handle: async ({ event: { metadata } }) => {
    const at = now();
    const { due } = JSON.parse(metadata) as { due?: number };
    if (due !== undefined) handled.set(due, at);
  },
  deadLetterTopic: DEAD_LETTER_TOPIC,
  maxAttempts: 1,
  stallSeconds: 60,
  log: pino({ level: 'warn' }),
  metrics: createConsumerMetrics(new Registry()),
  onGivingUp: (error) => {
    throw error;
  },
});

async function round(perSecond: number) {
  handled.clear();
  const before = await cpuByPart();
  const sent = await runJson<[number, number][]>('timed-load.ts', String(config.INGEST_PORT), String(perSecond), String(SECONDS));
  await until('all events were handled', async () => handled.size >= sent.length, 30_000);
  const after = await cpuByPart();
  const took = sent.map(([due, answered]) => {
    const at = handled.get(due) ?? NaN;
    return { answer: answered - due, post: at - due, commit: at - answered };
  });
  const of = (name: 'answer' | 'post' | 'commit') => {
    const ms = took.map((times) => times[name]);
    return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), max: quantile(ms, 1) };
  };
  const cpu = Object.fromEntries(Object.entries(usedBetween(before, after)).map(([name, seconds]) => [name, seconds / SECONDS]));
  return { perSecond, events: sent.length, answer: of('answer'), post: of('post'), commit: of('commit'), cpu };
}

const rounds: Awaited<ReturnType<typeof round>>[] = [];
try {
  await load(WARM_UP_SECONDS);
  await untilEmpty(60_000);
  for (let n = 1; n <= ROUNDS; n += 1)
    for (const rate of RATES) {
      const result = await round(rate);
      rounds.push(result);
      const text = ({ p50, p99, max }: typeof result.post) => `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, at most ${max.toFixed(1)} ms`;
      const { post, answer, commit } = result;
      process.stdout.write(
        `round ${n}, ${rate}/s: POST → handler ${text(post)}; → answer ${text(answer)}; answer → handler ${text(commit)}\n`,
      );
    }
} finally {
  await consumer.stop();
  await down();
}
const rates = RATES.map((rate) => {
  const those = rounds.filter(({ perSecond }) => perSecond === rate);
  const figure = (name: 'post' | 'commit', part: 'p50' | 'p99') => spread(those.map((one) => one[name][part]));
  const both = (name: 'post' | 'commit') => ({ p50: figure(name, 'p50'), p99: figure(name, 'p99') });
  return { rate, post: both('post'), commit: both('commit') };
});
writeFileSync(new URL('results/latency.json', import.meta.url), `${JSON.stringify({ ...on, rates, rounds }, null, 2)}\n`);
const goal = rates.find(({ rate }) => rate === GOALS.rate);
if (goal !== undefined)
  printGoals([
    atMost(`answer → handler at ${GOALS.rate}/s, p50, ms`, goal.commit.p50.median, GOALS.p50Ms, 1),
    atMost(`the same, p99, ms`, goal.commit.p99.median, GOALS.p99Ms, 1),
  ]);
process.exit();
