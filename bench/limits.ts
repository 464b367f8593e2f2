import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { v7 } from 'uuid';
import { SLOT_NAME } from '../contract/names.ts';
import { brokerAddress } from '../stack/config.ts';
import { kafkaFor } from '../stack/kafka-logins.ts';
import { kafkaClasspath } from '../stack/jars.ts';
import { findJava } from '../stack/jdk.ts';
import { withAdmin } from '../stack/probes.ts';
import { spread } from './figures.ts';
import { machine } from './machine.ts';
import { startPostgres } from './postgres-alone.ts';
import { bootWholeStack } from './whole-stack.ts';

// `npm run bench:limits`: the whole chain beside what its parts could do at most, each alone on the same machine and with
// the stack's settings, in interleaved rounds:
//   chain     events per second that are accepted, published, read by both groups and deleted
//   insert    rows per second into the outbox table by statements of 1,000 rows over four connections
//   decode    rows per second that Postgres decodes from its WAL with pgoutput, sent nowhere
//   producer  records per second of 500 bytes by Kafka's own tool, acks=all
// Insert and decode use a second Postgres with the stack's settings, so that the connector does not see these rows.

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 15);
const INSERT_SECONDS = 4;
const WARM_UP_SECONDS = 30; // Until the JVMs have compiled what runs often.
const RECORDS = 400_000;
const TOPIC = 'bench.limits';
const PAYLOAD = Buffer.from(JSON.stringify({ text: 'x'.repeat(389) }));

const say = (line: string) => process.stdout.write(`${line}\n`);
const run = promisify(execFile);
const on = machine();
const java = findJava(process.env);
const chain = await bootWholeStack('.stack/bench');
const database = await startPostgres('.stack/bench-limits');
const alone = new pg.Pool({ connectionString: database.url('postgres'), max: 4 });

async function insertFor(seconds: number): Promise<number> {
  const began = performance.now();
  let rows = 0;
  const one = async () => {
    while (performance.now() - began < seconds * 1000) {
      await alone.query({
        name: 'insert',
        text: `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
               SELECT id, 'zap-run', 'bench/zap-' || n % 100, 'ZapRunCreated', $2 FROM unnest($1::uuid[]) WITH ORDINALITY AS x (id, n)`,
        values: [Array.from({ length: 1000 }, () => v7()), PAYLOAD],
      });
      rows += 1000;
    }
  };
  await Promise.all([one(), one(), one(), one()]);
  return rows / ((performance.now() - began) / 1000);
}

/** Insert and decode belong together: what was inserted is what is decoded. */
async function postgresLimits(): Promise<{ insert: number; decode: number }> {
  await database.reset();
  await alone.query(`SELECT pg_create_logical_replication_slot('bench', 'pgoutput')`);
  try {
    const insert = await insertFor(INSERT_SECONDS);
    const began = performance.now();
    const { rows } = await alone.query<{ n: string }>(
      `SELECT count(*) AS n FROM pg_logical_slot_get_binary_changes('bench', NULL, NULL, 'proto_version', '1', 'publication_names', $1)
       WHERE get_byte(data, 0) = ascii('I')`,
      [SLOT_NAME],
    );
    return { insert, decode: Number(rows[0]?.n) / ((performance.now() - began) / 1000) };
  } finally {
    await alone.query(`SELECT pg_drop_replication_slot('bench')`);
  }
}

async function producerLimit(): Promise<number> {
  const { config } = chain;
  const tool = ['-Xmx256m', '-cp', kafkaClasspath(config.jars), 'org.apache.kafka.tools.ProducerPerformance'];
  const login = ['--bootstrap-server', brokerAddress(config), '--command-config', `${config.dir}/kafka-admin.properties`];
  const work = ['--topic', TOPIC, '--num-records', String(RECORDS), '--record-size', '500', '--throughput', '-1'];
  const { stdout } = await run(java, [...tool, ...login, ...work, '--command-property', 'acks=all']);
  // The last line is that of the whole run.
  return Number(/([\d.]+) records\/sec/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[1]);
}

async function chainRate(): Promise<number> {
  const [before, began] = [await chain.depth(), performance.now()];
  const { perSecond } = await chain.load(SECONDS);
  const waiting = (await chain.depth()) - before;
  const rate = (perSecond * SECONDS - waiting) / ((performance.now() - began) / 1000);
  say(`         the chain accepted ${perSecond.toFixed(0)}/s, and ${waiting} rows more wait`);
  await chain.untilEmpty(120_000);
  return rate;
}

type Round = Record<'chain' | 'insert' | 'decode' | 'producer', number>;
try {
  await withAdmin(kafkaFor(chain.config, 'admin'), (admin) => admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 6 }] }));
  await chain.load(WARM_UP_SECONDS);
  const rounds: Round[] = [];
  for (let n = 1; n <= ROUNDS; n += 1) {
    const round = { chain: await chainRate(), ...(await postgresLimits()), producer: await producerLimit() };
    rounds.push(round);
    say(`round ${n}: ${Object.entries(round).map(([name, value]) => `${name} ${value.toFixed(0)}/s`).join(', ')}`); // prettier-ignore
  }
  const of = (name: keyof Round) => spread(rounds.map((round) => round[name]));
  const limits = { insert: of('insert'), decode: of('decode'), producer: of('producer') };
  const ours = of('chain');
  const share = Object.fromEntries(Object.entries(limits).map(([name, { median }]) => [name, ours.median / median]));
  writeFileSync(
    new URL('results/limits.json', import.meta.url),
    `${JSON.stringify({ ...on, chain: ours, ...limits, share, rounds }, null, 2)}\n`,
  );
  for (const [name, part] of Object.entries(share)) say(`the chain does ${(part * 100).toFixed(0)} % of ${name}`);
} finally {
  await alone.end();
  await database.stop();
  await chain.down();
}
