import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createKafka } from '../kit/kafka.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { order } from '../stack/client.ts';
import { readStackConfig, type StackConfig } from '../stack/config.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { withAdmin } from '../stack/probes.ts';
import { EmbeddedStack } from '../stack/embedded.ts';
import { quantile } from '../test/support/open-loop.ts';
import { cpuSeconds } from './cpu.ts';
import { median, spread } from './figures.ts';
import { createRows, pause, samplePayload, until } from './rows.ts';
import { machine } from './machine.ts';

// `npm run bench:exactly-once`: Connect with and without exactly-once (KIP-618), interleaved, each time on its own new
// stack. It measures from COMMIT's reply to a consumer, with rows inserted without ingest.

const on = machine();
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 2);
const RATE = 600;
const LATENCY_SECONDS = Number(process.env.BENCH_SECONDS ?? 15);
/** The first seconds have a cold JVM and are not counted. */
const WARM_UP_SECONDS = 5;
const BACKLOG_ROWS = Number(process.env.BENCH_BACKLOG_ROWS ?? 150_000);
const IDLE_SECONDS = 10;
const KILL_SECONDS = 8;

if (existsSync('.env')) process.loadEnvFile('.env');
process.env.STACK_DIR = '.stack/bench';
const say = (line: string) => process.stdout.write(`${line}\n`);

interface Seen {
  /** When the first record of an id was handed over. */
  firstAt: Map<string, number>;
  records: () => number;
  stop: () => Promise<void>;
}

async function consume(config: StackConfig): Promise<Seen> {
  const kafka = createKafka(kafkaFor(config, 'admin'), { clientId: 'bench' });
  const consumer = kafka.consumer({ groupId: `bench-${process.hrtime.bigint()}`, readUncommitted: false });
  const firstAt = new Map<string, number>();
  let records = 0;
  await consumer.connect();
  await consumer.subscribe({ topic: EVENT_TOPIC, fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const now = performance.now();
      for (const { headers } of batch.messages) {
        records += 1;
        const id = headers?.id?.toString() ?? '';
        if (!firstAt.has(id)) firstAt.set(id, now);
      }
    },
  });
  return { firstAt, records: () => records, stop: () => consumer.disconnect() };
}

/** Open load: single rows at a fixed rate that does not wait for answers. @returns id → when COMMIT was answered */
async function insertFor(seconds: number, insert: (count: number) => Promise<string[]>): Promise<Map<string, number>> {
  const committedAt = new Map<string, number>();
  const began = performance.now();
  const open: Promise<void>[] = [];
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * RATE) - open.length;
    for (let n = 0; n < due; n += 1) open.push(insert(1).then(([id]) => void committedAt.set(id ?? '', performance.now())));
    await pause(5);
  }
  await Promise.all(open);
  return committedAt;
}

async function connectPid(config: StackConfig): Promise<number> {
  const parts = await order(config.dir, 'status');
  return parts?.find(({ name }) => name === 'connect')?.pid ?? 0;
}

async function measure(mode: 'enabled' | 'disabled') {
  rmSync('.stack/bench', { recursive: true, force: true });
  process.env.EXACTLY_ONCE = mode;
  const config = readStackConfig(process.env);
  await new EmbeddedStack(config).up(() => undefined);
  try {
    await order(config.dir, 'stop', ['cleanup', 'consumer', 'actions', 'watch']);
    const rows = createRows(config, await samplePayload(config));
    const seen = await consume(config);
    const arrived = (ids: Iterable<string>) => async () => [...ids].every((id) => seen.firstAt.has(id));

    await until('the first events arrive', arrived((await insertFor(WARM_UP_SECONDS, rows.insert)).keys()), 60_000);
    const committedAt = await insertFor(LATENCY_SECONDS, rows.insert);
    await until('all events arrive', arrived(committedAt.keys()), 60_000);
    const latencies = [...committedAt].map(([id, at]) => (seen.firstAt.get(id) ?? NaN) - at);

    const pid = await connectPid(config);
    const before = cpuSeconds(pid);
    await pause(IDLE_SECONDS * 1000);
    const idleCpu = (cpuSeconds(pid) - before) / IDLE_SECONDS;

    const recordsBefore = seen.records();
    const killing = insertFor(KILL_SECONDS, rows.insert);
    await pause((KILL_SECONDS * 1000) / 2);
    process.kill(pid, 'SIGKILL');
    const posted = await killing;
    await until('all events arrive after the kill', arrived(posted.keys()), 120_000);
    await rows.untilPublished(180_000);
    await pause(2000); // Repeats come after the first.
    const repeats = seen.records() - recordsBefore - posted.size;

    await order(config.dir, 'stop', ['connect']);
    await seen.stop(); // A consumer would share the cores.
    const endsOf = () =>
      withAdmin(kafkaFor(config, 'admin'), async (admin) =>
        (await admin.fetchTopicOffsets(EVENT_TOPIC)).reduce((sum, { high }) => sum + Number(high), 0),
      );
    for (let done = 0; done < BACKLOG_ROWS; done += 5000) await rows.insert(5000);
    const start = await endsOf();
    await order(config.dir, 'start', ['connect']);
    let [began, from] = [0, start];
    await until('the backlog begins to move', async () => ([began, from] = [performance.now(), await endsOf()])[1] > start, 120_000);
    await until('the backlog is on the topic', async () => (await endsOf()) >= start + BACKLOG_ROWS, 240_000);
    const drain = (start + BACKLOG_ROWS - from) / ((performance.now() - began) / 1000);
    await rows.pool.end();
    return { mode, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), idleCpu, repeats, drain };
  } finally {
    await new EmbeddedStack(config).down();
  }
}

const rounds: Awaited<ReturnType<typeof measure>>[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const mode of ['disabled', 'enabled'] as const) {
    const result = await measure(mode);
    rounds.push(result);
    const { p50, p99, idleCpu, repeats, drain } = result;
    say(
      `${mode.padEnd(8)} p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, idle ${(idleCpu * 100).toFixed(0)} % of a core, ` +
        `${repeats} repeats after a kill, backlog ${drain.toFixed(0)} rows/s`,
    );
  }
}
const of = (mode: string) => {
  const own = rounds.filter((round) => round.mode === mode);
  const all = (pick: (round: (typeof rounds)[number]) => number) => spread(own.map(pick));
  return {
    p50: all(({ p50 }) => p50),
    p99: all(({ p99 }) => p99),
    idleCpu: all(({ idleCpu }) => idleCpu),
    repeats: all(({ repeats }) => repeats),
    drain: all(({ drain }) => drain),
  };
};
const result = {
  ...on,
  rate: RATE,
  backlogRows: BACKLOG_ROWS,
  disabled: of('disabled'),
  enabled: of('enabled'),
  rounds,
};
writeFileSync(new URL('results/exactly-once.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
say(
  `repeats after a kill: ${median(rounds.filter(({ mode }) => mode === 'disabled').map(({ repeats }) => repeats))} without, ${result.enabled.repeats.median} with → bench/results/exactly-once.json`,
);
rmSync('.stack/bench', { recursive: true, force: true });
process.exit();
