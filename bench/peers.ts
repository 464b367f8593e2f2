import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { EVENT_TOPIC } from '../contract/names.ts';
import { order } from '../stack/client.ts';
import { databaseUrl, readStackConfig } from '../stack/config.ts';
import { EmbeddedStack } from '../stack/embedded.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { withAdmin } from '../stack/probes.ts';
import { atLeast, atMost, printGoals, spread, type Goal } from './figures.ts';
import { machine } from './machine.ts';
import { debezium, ours } from './peers/connectors.ts';
import { BACKLOG_ROWS, GRACE_SECONDS, measure, RATE, type Measured } from './peers/measure.ts';
import { nodeRelays } from './peers/node-relays.ts';
import { startReader } from './peers/reader.ts';
import type { PeerResult, Peers } from './peers/result.ts';
import { unmeasured } from './peers/unmeasured.ts';

// `npm run bench:peers`: this project beside what people would use instead (bench/peers/README.md). The same job for each:
// rows of an outbox table, 400 bytes, to a topic of the same broker with acks=all, from the same Postgres. One at a time, in
// interleaved rounds, on a stack of its own whose other parts are stopped. BENCH_PEERS=ours,debezium measures only these;
// BENCH_KEEP=yes adds the rounds to those of the last run, so that a long measurement can be made in parts.

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 1);
const ONLY = process.env.BENCH_PEERS?.split(',');
/** The best published figures of a relay of this kind that name their machine. */
const PUBLISHED = { perSecond: 1400, p50Ms: 13, p99Ms: 87 };
const PARTITIONS = 6;

interface Round extends Partial<Measured> {
  name: string;
  /** Why it could not be measured. */
  failed?: string;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const results = here('results/peers.json');
const say = (line: string) => process.stdout.write(`${line}\n`);

if (existsSync('.env')) process.loadEnvFile('.env');
installPeers();
process.env.STACK_DIR = '.stack/bench-peers';
rmSync('.stack/bench-peers', { recursive: true, force: true });
const on = machine();
const config = readStackConfig(process.env);
const stack = new EmbeddedStack(config);
await stack.up(() => undefined);
const pool = new pg.Pool({ connectionString: databaseUrl(config, 'postgres'), max: 16 });
pool.on('error', () => undefined); // The stack may end first.

try {
  await order(config.dir, 'stop', ['watch', 'ingest', 'cleanup', 'consumer', 'actions', 'echo', 'console', 'registry', 'connect']);
  const contestants = [ours(config, pool), debezium(config, pool), ...nodeRelays(config, pool)].filter(
    ({ name }) => ONLY?.includes(name) ?? true,
  );
  const topics = contestants.map(({ topic }) => topic);
  await withAdmin(kafkaFor(config, 'admin'), async (admin) => {
    const missing = topics.filter((topic) => topic !== EVENT_TOPIC);
    await admin.createTopics({ topics: missing.map((topic) => ({ topic, numPartitions: PARTITIONS })), waitForLeaders: true });
  });
  const reader = await startReader(config, topics);
  const rounds: Round[] = process.env.BENCH_KEEP === 'yes' && existsSync(results) ? readRounds() : [];
  for (let n = 1; n <= ROUNDS; n += 1) {
    for (const contestant of contestants) {
      const round = await measure(contestant, reader, pool).then(
        (measured): Round => ({ name: contestant.name, ...measured }),
        (error: unknown): Round => ({ name: contestant.name, failed: error instanceof Error ? error.message : String(error) }),
      );
      rounds.push(round);
      say(`${contestant.title}: ${JSON.stringify(round, rounded)}`);
    }
  }
  await reader.stop();
  const summaries: PeerResult[] = contestants.map(({ name, title, version }) => ({
    ...{ name, title, version },
    ...summary(rounds.filter((round) => round.name === name)),
  }));
  const versions = { postgres: await postgresVersion(), kafka: '4.3.1', debezium: '3.7.0.Final' };
  const goals = goalsOf(summaries);
  const setting = { rate: RATE, backlogRows: BACKLOG_ROWS, waitSeconds: GRACE_SECONDS };
  const written: Peers & { rounds: Round[] } = { ...on, versions, ...setting, contestants: [...summaries, unmeasured], goals, rounds };
  writeFileSync(results, `${JSON.stringify(written, rounded, 1)}\n`);
  printGoals(goals);
} finally {
  await pool.end();
  await stack.down();
}
process.exit();

function summary(own: Round[]): Omit<PeerResult, 'name' | 'title' | 'version'> {
  const failed = own.flatMap((round) => round.failed ?? []);
  const worked = own.filter((round): round is Round & Measured => round.failed === undefined);
  if (worked.length === 0) return { failed };
  const of = (pick: (round: Measured) => number) => spread(worked.map(pick));
  const sum = (pick: (round: Measured) => number) => worked.reduce((total, round) => total + pick(round), 0);
  return {
    rounds: worked.length,
    ...(failed.length > 0 && { failed }),
    steady: {
      keepsUp: worked.every(({ steady }) => steady.keepsUp),
      delivered: of(({ steady }) => steady.delivered),
      p50: of(({ steady }) => steady.p50),
      p99: of(({ steady }) => steady.p99),
      cpuMicros: of(({ steady }) => steady.cpuMicros),
    },
    drain: { perSecond: of(({ drain }) => drain.perSecond), cpuMicros: of(({ drain }) => drain.cpuMicros) },
    memoryMb: of(({ memoryMb }) => memoryMb),
    kill: {
      events: sum(({ kill }) => kill.events),
      lost: sum(({ kill }) => kill.lost),
      waiting: sum(({ kill }) => kill.waiting),
      repeated: sum(({ kill }) => kill.repeated),
      reordered: sum(({ kill }) => kill.reordered),
    },
  };
}

/** Ahead of each of the others, and of the best published figures. */
function goalsOf([own, ...peers]: PeerResult[]): Goal[] {
  if (own?.drain === undefined || own.steady === undefined) return [];
  const [{ perSecond }, { p50, p99 }] = [own.drain, own.steady];
  return [
    ...peers.flatMap(({ title, drain, steady }) =>
      drain === undefined || steady === undefined
        ? []
        : [
            atLeast(`events per second out of a backlog, over those of ${title}`, perSecond.median / drain.perSecond.median, 1, 2),
            atMost(`p99 at ${RATE} rows/s, over that of ${title}`, p99.median / steady.p99.median, 1, 2),
          ],
    ),
    atLeast('events per second out of a backlog; the best published figure', perSecond.median, PUBLISHED.perSecond),
    atMost('p50 in ms; the best published figure', p50.median, PUBLISHED.p50Ms, 1),
    atMost('p99 in ms; the best published figure', p99.median, PUBLISHED.p99Ms, 1),
  ];
}

function readRounds(): Round[] {
  return (JSON.parse(readFileSync(results, 'utf8')) as { rounds: Round[] }).rounds;
}

async function postgresVersion(): Promise<string> {
  return (await pool.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version ?? 'unknown';
}

/** The packages of the peers, into their own folder, and the client of their Prisma schema. */
function installPeers(): void {
  const cwd = here('peers/relays');
  if (existsSync(here('peers/relays/node_modules/.prisma/client/schema.prisma'))) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  // Generating needs no engine, but the CLI downloads one unless a path is set.
  const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, ...process.env };
  execFileSync('npm', ['run', '--silent', 'generate'], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(2)) : value;
}
