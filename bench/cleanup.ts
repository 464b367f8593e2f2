import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { EVENT_TOPIC } from '../contract/names.ts';
import { order } from '../stack/client.ts';
import { databaseUrl, readStackConfig } from '../stack/config.ts';
import { ACK_GROUPS } from '../stack/parts.ts';
import { kafkaEnv, kafkaFor } from '../stack/kafka-logins.ts';
import { withAdmin } from '../stack/probes.ts';
import { printGoals, spread } from './figures.ts';
import { createRows, pause, samplePayload, until } from './rows.ts';
import { machine } from './machine.ts';

// `npm run bench:cleanup`, on a running stack (`make up`): whether cleanup keeps up, what a backlog costs, and how it
// affects ingest. The stack's own cleanup and consumers are stopped meanwhile and restarted afterwards.

const on = machine();
const STEADY_RATE = 5000;
const STEADY_SECONDS = Number(process.env.BENCH_STEADY_SECONDS ?? 40);
const BACKLOG_ROWS = Number(process.env.BENCH_BACKLOG_ROWS ?? 1_000_000);
const POST_RATE = 1000;
const POST_SECONDS = Number(process.env.BENCH_POST_SECONDS ?? 12);
const POST_ROUNDS = Number(process.env.BENCH_POST_ROUNDS ?? 5);
const GOALS = { rowsPerSecond: 15_000, memoryMb: 200, slowerBy: 1.2, flat: 1.2, deepFactor: 0.8 };

if (existsSync('.env')) process.loadEnvFile('.env');
const config = readStackConfig(process.env);
const say = (line: string) => process.stdout.write(`${line}\n`);

let peakMb = 0;
interface Running {
  deleted: () => Promise<number>;
  stop: () => Promise<void>;
}

/** cleanup as the stack runs it, but without groups to wait for, so that no consumer affects the measurement. */
async function startCleanup(): Promise<Running> {
  const port = config.CLEANUP_METRICS_PORT;
  const env = {
    DATABASE_URL: databaseUrl(config, 'cleanup'),
    ...kafkaEnv(config, 'cleanup'),
    ACK_GROUPS: '',
    GRACE_SECONDS: '0',
    METRICS_PORT: String(port),
  };
  const child = spawn(process.execPath, ['--import', 'tsx', 'cleanup/main.ts'], { env: { ...process.env, ...env }, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    peakMb = Math.max(peakMb, Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1_048_576);
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  };
  const deleted = () => metric('outbox_cleanup_deleted_total');
  await until('cleanup answers', () => deleted().then(() => true, () => false), 30_000); // prettier-ignore
  return {
    deleted,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const stopped = ['cleanup', 'consumer', 'actions'];
await order(config.dir, 'stop', stopped);
const payload = await samplePayload(config);
const rows = createRows(config, payload);

async function backlog() {
  for (let done = 0; done < BACKLOG_ROWS; done += 5000) await rows.insert(5000);
  await rows.untilPublished(240_000);
  const depth = await rows.depth();
  const cleanup = await startCleanup();
  const samples: { at: number; deleted: number }[] = [];
  while ((samples.at(-1)?.deleted ?? 0) < depth - 1000) {
    samples.push({ at: performance.now(), deleted: await cleanup.deleted() });
    await pause(250);
  }
  await cleanup.stop();
  const reached = (share: number) => samples.find(({ deleted }) => deleted >= share * (depth - 1000)) ?? { at: NaN, deleted: NaN };
  /** Rows a second between two shares of the backlog. */
  const rate = (from: number, to: number) => ((reached(to).deleted - reached(from).deleted) / (reached(to).at - reached(from).at)) * 1000;
  const result = { rows: depth, rowsPerSecond: rate(0.001, 0.99), firstThird: rate(0.001, 0.33), lastThird: rate(0.67, 0.99) };
  say(
    `backlog of ${depth}: ${result.rowsPerSecond.toFixed(0)} rows/s, first third ${result.firstThird.toFixed(0)}, last third ${result.lastThird.toFixed(0)}`,
  );
  return result;
}

async function steady() {
  const cleanup = await startCleanup();
  const sizes: number[] = [];
  const depths: number[] = [];
  const began = performance.now();
  let inserted = 0;
  let inFlight = 0;
  while (performance.now() - began < STEADY_SECONDS * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * STEADY_RATE) - inserted;
    if (due > 0) {
      inserted += due;
      inFlight += 1;
      void rows.insert(due).finally(() => (inFlight -= 1));
    }
    if ((performance.now() - began) / 2000 > sizes.length) {
      sizes.push(await rows.sizeMb());
      depths.push(await rows.depth());
      await cleanup.deleted();
    }
    await pause(50);
  }
  await until('the last inserts are answered', async () => inFlight === 0, 30_000);
  const atEnd = await rows.depth();
  const began2 = performance.now();
  await until('the rest is deleted', async () => (await rows.depth()) === 0, 60_000);
  const restSeconds = (performance.now() - began2) / 1000;
  await cleanup.stop();
  const half = sizes.slice(Math.floor(sizes.length / 2));
  const result = {
    rate: STEADY_RATE,
    seconds: STEADY_SECONDS,
    inserted,
    depth: spread(depths),
    atEnd,
    restSeconds,
    sizeMb: sizes,
    growth: (half.at(-1) ?? NaN) / (half[0] ?? NaN),
  };
  say(
    `${STEADY_RATE} rows/s for ${STEADY_SECONDS} s: depth ${result.depth.median} (at most ${result.depth.most}), size in the second half × ${result.growth.toFixed(2)}`,
  );
  return result;
}

async function postP99(): Promise<number> {
  const { latency, non2xx, errors } = await autocannon({
    url: `http://127.0.0.1:${config.INGEST_PORT}`,
    requests: Array.from({ length: 64 }, (_, zap) => ({
      path: `/hooks/catch/bench/zap-${zap}`,
      method: 'POST' as const,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x'.repeat(388) }),
    })),
    connections: 32,
    overallRate: POST_RATE,
    duration: POST_SECONDS,
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx} answers were not 200, ${errors} requests failed`);
  return latency.p99;
}

async function slowing() {
  const [without, with_]: [number[], number[]] = [[], []];
  await postP99(); // A cold process and a table that is still being vacuumed.
  for (let round = 0; round < POST_ROUNDS; round += 1) {
    without.push(await postP99());
    const cleanup = await startCleanup();
    // Rows that piled up meanwhile are not part of the measurement.
    await until('the pile is gone', async () => (await rows.depth()) < 100, 60_000);
    with_.push(await postP99());
    await until('the pile is gone', async () => (await rows.depth()) < 100, 60_000);
    await cleanup.stop();
    say(`round ${round + 1}: p99 of a post ${without.at(-1)} ms without cleanup, ${with_.at(-1)} ms with it`);
  }
  return { rate: POST_RATE, withoutMs: spread(without), withMs: spread(with_) };
}

try {
  const result = {
    ...on,
    backlog: await backlog(),
    steady: await steady(),
    posts: await slowing(),
    peakMb,
  };
  writeFileSync(new URL('results/cleanup.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  const { backlog: b, steady: s, posts: p } = result;
  printGoals([
    {
      goal: `a backlog at ≥ ${GOALS.rowsPerSecond} rows/s`,
      measured: b.rowsPerSecond.toFixed(0),
      met: b.rowsPerSecond >= GOALS.rowsPerSecond,
    },
    {
      goal: 'a row costs the same at any depth',
      measured: `${b.firstThird.toFixed(0)} and ${b.lastThird.toFixed(0)} rows/s`,
      met: Math.min(b.firstThird / b.lastThird, b.lastThird / b.firstThird) >= GOALS.deepFactor || b.firstThird > GOALS.rowsPerSecond,
    },
    {
      goal: `${s.rate} rows/s with the table's size flat`,
      measured: `× ${s.growth.toFixed(2)}, ${s.atEnd} rows at the end`,
      met: s.growth <= GOALS.flat && s.atEnd <= 3 * s.rate,
    },
    { goal: `memory ≤ ${GOALS.memoryMb} MB`, measured: peakMb.toFixed(0), met: peakMb <= GOALS.memoryMb },
    {
      goal: `p99 of a post at ${p.rate}/s at most ${GOALS.slowerBy} times`,
      measured: `${p.withoutMs.median} → ${p.withMs.median} ms`,
      met: p.withMs.median <= p.withoutMs.median * GOALS.slowerBy,
    },
  ]);
} finally {
  // The consumers would read the million as well.
  await withAdmin(kafkaFor(config, 'admin'), async (admin) => {
    const partitions = (await admin.fetchTopicOffsets(EVENT_TOPIC)).map(({ partition, high }) => ({ partition, offset: high }));
    for (const groupId of ACK_GROUPS) await admin.setOffsets({ groupId, topic: EVENT_TOPIC, partitions });
  });
  await order(config.dir, 'start', stopped);
  await rows.pool.end();
}
process.exit();
