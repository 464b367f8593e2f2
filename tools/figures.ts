import { existsSync, readFileSync } from 'node:fs';
import type { Spread } from '../bench/figures.ts';

interface Latency {
  date: string;
  cpus: number;
  rates: { rate: number; post: Quantiles; commit: Quantiles }[];
}
interface Quantiles {
  p50: Spread;
  p99: Spread;
}
interface Decode {
  decoder: Spread;
  client: Spread;
}
interface Actions {
  targets: number;
  oneTarget: Spread;
  loss: number;
}
interface Boot {
  cold: { seconds: number; npmSeconds: number; mavenSeconds: number };
  warm: number[];
  memoryMb: number;
}

interface Docker {
  warm: number[];
  memoryMb: number;
  connectImageMb: number;
  addedToNodeMb: number;
}

/** The rows of `npm run bench:actions`; none before it was run. */
function actionFigures(): string[][] {
  if (!existsSync(new URL('../bench/results/actions.json', import.meta.url))) return [];
  const { targets, oneTarget, loss } = measured('actions.json') as Actions;
  const { median, least, most } = oneTarget;
  return [
    ['actions per second to one target', `${median.toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)})`, '`npm run bench:actions`'],
    [`loss of the other ${targets - 1} targets by a dead one`, `${(loss * 100).toFixed(1)} %`, 'median of three interleaved rounds each'],
  ];
}

const measured = (file: string): unknown => JSON.parse(readFileSync(new URL(`../bench/results/${file}`, import.meta.url), 'utf8'));

interface Ingest {
  connections: number;
  perSecond: Record<'bare' | 'ours' | 'pgbench' | 'transaction', Spread>;
  ofBare: number;
  timesPgbench: number;
  timesTransaction: number;
  calmP99Ms: Spread;
  memoryMb: Spread;
}

/** The throughput of ingest alone; none before it was measured. */
function ingestFigures(): string[][] {
  if (!existsSync(new URL('../bench/results/ingest.json', import.meta.url))) return [];
  const { connections, perSecond, ofBare, timesPgbench, timesTransaction, calmP99Ms, memoryMb } = measured('ingest.json') as Ingest;
  const round = ({ median, least, most }: Spread) => `${median.toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)})`;
  return [
    [
      'webhooks per second that ingest commits',
      round(perSecond.ours),
      `\`npm run bench:ingest\`: closed loop, ${connections} connections, 400 bytes`,
    ],
    ['the same server without the write', round(perSecond.bare), `ingest does ${(ofBare * 100).toFixed(0)} % of it`],
    ['pgbench, the same two inserts, one transaction each', round(perSecond.pgbench), `ingest does ${timesPgbench.toFixed(1)} times that`],
    [
      'one interactive Prisma transaction per request',
      round(perSecond.transaction),
      `ingest does ${timesTransaction.toFixed(1)} times that`,
    ],
    ['answer of ingest at 500/s, p99', `${round(calmP99Ms)} ms`, 'at the sender'],
    ['resident memory of ingest under full load', `${round(memoryMb)} MB`, 'the most that it had'],
  ];
}

interface Overload {
  times: number;
  ofCapacity: Spread;
  refusedP99Ms: Spread;
  memoryGrowth: Spread;
}

interface SlowClients {
  slow: number;
  rate: number;
  without: Spread;
  beside: Spread;
}

/** Ingest under overload and beside slow senders; none before it was measured. */
function pressureFigures(): string[][] {
  const rows: string[][] = [];
  const whole = ({ median, least, most }: Spread) => `${median.toFixed(0)} ms (${least.toFixed(0)}–${most.toFixed(0)})`;
  if (existsSync(new URL('../bench/results/overload.json', import.meta.url))) {
    const { times, ofCapacity, refusedP99Ms, memoryGrowth } = measured('overload.json') as Overload;
    rows.push(
      [
        `stored at ${times} times the capacity of Postgres`,
        `${(ofCapacity.median * 100).toFixed(0)} % of that capacity`,
        '`npm run bench:overload`',
      ],
      ['a refusal then takes, p99', whole(refusedP99Ms), `memory at the end: ${memoryGrowth.median.toFixed(2)} of that after ten seconds`],
    );
  }
  if (existsSync(new URL('../bench/results/slow-clients.json', import.meta.url))) {
    const { slow, rate, without, beside } = measured('slow-clients.json') as SlowClients;
    rows.push([
      `answer of ingest at ${rate}/s beside ${slow} slow senders, p99`,
      whole(beside),
      `\`npm run bench:slow-clients\`; without them ${whole(without)}`,
    ]);
  }
  return rows;
}

interface Cleanup {
  backlog: { rows: number; rowsPerSecond: number };
  steady: { rate: number; depth: Spread };
  posts: { rate: number; withoutMs: Spread; withMs: Spread };
  peakMb: number;
}

/** Speed and cost of cleanup; none before they were measured. */
function cleanupFigures(): string[][] {
  if (!existsSync(new URL('../bench/results/cleanup.json', import.meta.url))) return [];
  const { backlog, steady, posts, peakMb } = measured('cleanup.json') as Cleanup;
  const whole = ({ median, least, most }: Spread) => `${median} ms (${least}–${most})`;
  return [
    ['rows per second that cleanup deletes', backlog.rowsPerSecond.toFixed(0), `\`npm run bench:cleanup\`: a backlog of ${backlog.rows}`],
    [`rows in the outbox at ${steady.rate} events/s`, `${steady.depth.median} (at most ${steady.depth.most})`, 'with cleanup running'],
    [`answer of ingest at ${posts.rate}/s without cleanup, p99`, whole(posts.withoutMs), 'interleaved with the next'],
    ['the same with cleanup', whole(posts.withMs), 'medians, spread in brackets'],
    ['resident memory of cleanup', `${peakMb.toFixed(0)} MB`, 'the most that it had in all of these'],
  ];
}

interface Mode {
  p50: Spread;
  p99: Spread;
  idleCpu: Spread;
  repeats: Spread;
  drain: Spread;
}

/** Connect without and with exactly-once; none before it was measured. */
function exactlyOnceFigures(): string[][] {
  if (!existsSync(new URL('../bench/results/exactly-once.json', import.meta.url))) return [];
  const both = measured('exactly-once.json') as { rate: number } & Record<'disabled' | 'enabled', Mode>;
  return (['disabled', 'enabled'] as const).map((mode) => {
    const { p50, p99, idleCpu, repeats, drain } = both[mode];
    return [
      `COMMIT → a consumer, \`EXACTLY_ONCE=${mode}\`, ${both.rate} events/s`,
      `p50 ${p50.median.toFixed(1)} ms, p99 ${p99.median.toFixed(1)} ms`,
      `\`npm run bench:exactly-once\`; idle ${(idleCpu.median * 100).toFixed(0)} % of a core, ${repeats.median} repeats after a kill of Connect, backlog ${drain.median.toFixed(0)} rows/s`,
    ];
  });
}

/** The cost of the page; none before it was measured. */
function consoleFigures(): string[][] {
  if (!existsSync(new URL('../bench/results/console.json', import.meta.url))) return [];
  const { percent } = measured('console.json') as { percent: Record<'0' | '1' | '10', Spread> };
  const of = ({ median, least, most }: Spread) => `${median.toFixed(1)} % of a core (${least.toFixed(1)}–${most.toFixed(1)})`;
  return [
    ['the page of the pipeline, open in ten browsers', of(percent[10]), '`npm run bench:console`, median of three rounds of a minute'],
    ['the same, open in one, and in none', `${of(percent[1])}, ${of(percent[0])}`, 'interleaved with it'],
  ];
}

/** The table of figures, from the files that the benchmarks wrote. */
export function figures(): string {
  const { date, cpus, rates } = measured('latency.json') as Latency;
  const { cold, warm, memoryMb } = measured('boot.json') as Boot;
  const decode = measured('decode.json') as Decode;
  const perSecond = ({ median, least, most }: Spread) => `${median} records/s (${least}–${most})`;
  const ms = ({ median, least, most }: Spread) => `${median.toFixed(1)} ms (${least.toFixed(1)}–${most.toFixed(1)})`;
  const s = (seconds: number | undefined) => `${(seconds ?? NaN).toFixed(1)} s`;
  const rows = [
    ...rates.flatMap(({ rate, post, commit }) => [
      [`POST → a consumer's handler at ${rate} events/s, p50`, ms(post.p50), `p99 ${ms(post.p99)}; \`npm run bench:latency\``],
      ["the same from ingest's answer, which follows COMMIT, p50", ms(commit.p50), `p99 ${ms(commit.p99)}; at the sender`],
    ]),
    ['a consumer decodes into typed events, one core', perSecond(decode.decoder), '`npm run bench:decode`, median of three rounds'],
    ["the same by the registry client's own `decode`", perSecond(decode.client), 'in turns with it; builds its resolver for each record'],
    ...ingestFigures(),
    ...pressureFigures(),
    [
      '`make up`, cold',
      s(cold.seconds),
      `\`npm run bench:boot\`; of it ${s(cold.npmSeconds)} for npm's and ${s(cold.mavenSeconds)} for Maven's packages`,
    ],
    ['`make up`, warm', `${s(warm[1])} (${s(warm[0])}–${s(warm[2])})`, 'median of three, spread in brackets'],
    ['resident memory of the whole stack', `${memoryMb} MB`, '`make status`; shared pages count once per process'],
  ];
  rows.push(...actionFigures(), ...cleanupFigures(), ...exactlyOnceFigures(), ...consoleFigures());
  if (existsSync(new URL('../bench/results/docker.json', import.meta.url))) {
    const docker = measured('docker.json') as Docker;
    rows.push(
      ['`make up` in Docker, warm', `${s(docker.warm[1])} (${s(docker.warm[0])}–${s(docker.warm[2])})`, '`npm run bench:docker`, as above'],
      ['memory of all containers', `${docker.memoryMb} MB`, '`make status`: what Docker counts, without Kafbat'],
      ['image of Kafka Connect', `${docker.connectImageMb.toFixed(0)} MB`, 'unpacked, with its Java'],
      ['size that the TypeScript image adds to its Node base', `${docker.addedToNodeMb.toFixed(0)} MB`, 'unpacked'],
    );
  }
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  return [`Measured on ${date.slice(0, 10)} with ${cpus} cores.`, '', '| What | Figure | How |', '|---|---|---|', ...lines].join('\n');
}
