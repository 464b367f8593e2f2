import { writeFileSync } from 'node:fs';
import pg from 'pg';
import { SLOT_NAME } from '../contract/names.ts';
import { order } from '../stack/client.ts';
import { databaseUrl } from '../stack/config.ts';
import { atLeast, printGoals } from './figures.ts';
import { machine } from './machine.ts';
import { pause, until } from './rows.ts';
import { bootWholeStack, usedBetween, WARM_UP_SECONDS } from './whole-stack.ts';

// `npm run bench:backlog`: how fast the chain catches up after Connect was down. Webhooks are posted until BENCH_EVENTS rows
// wait (default: a million), all with their events. Then Connect starts, with every consumer and cleanup on. Two rates, both
// from the first row that Connect sends: until the slot has confirmed the backlog, so that it is on the topic, and until
// the outbox is empty.

const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000_000);
const backlogGoals = ({ publishedPerSecond, emptiedPerSecond }: { publishedPerSecond: number; emptiedPerSecond: number }) => [
  atLeast('rows published per second', publishedPerSecond, 30_000),
  atLeast('rows per second until the outbox is empty', emptiedPerSecond, 20_000),
];

const say = (line: string) => process.stdout.write(`${line}\n`);
const on = machine();
const chain = await bootWholeStack('.stack/bench');
const { config, depth, cpuByPart, load, untilEmpty, down } = chain;
const client = new pg.Client({ connectionString: databaseUrl(config, 'postgres') });
client.on('error', () => undefined); // The stack may end first.
await client.connect();

const writtenTo = async () => (await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0]?.lsn ?? '';
const confirmed = async (lsn: string) =>
  (await client.query(`SELECT FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn >= $2::pg_lsn`, [SLOT_NAME, lsn]))
    .rowCount === 1;

try {
  await load(WARM_UP_SECONDS); // Kafka, ingest and the consumers. Connect's JVM starts cold, as it does after an outage.
  await untilEmpty(60_000);
  await order(config.dir, 'stop', ['connect']);
  const filling = performance.now();
  while ((await depth()) < EVENTS) await load(10);
  const rows = await depth();
  say(`${rows} rows wait, after ${((performance.now() - filling) / 1000).toFixed(0)} s`);
  const [lsn, before, began] = [await writtenTo(), await cpuByPart(), performance.now()];
  await order(config.dir, 'start', ['connect']);
  // Cleanup deletes what is on the topic: the first deletion follows the first record by a moment.
  await until('the first row is published', async () => (await depth()) < rows, 120_000);
  const first = performance.now();
  await until('the backlog is published', async () => confirmed(lsn), 600_000);
  const published = performance.now();
  while ((await depth()) > 0) await pause(100);
  const emptied = performance.now();
  const after = await cpuByPart();
  const microseconds = Object.fromEntries(
    Object.entries(usedBetween(before, after)).map(([name, used]) => [name, Math.round((used / rows) * 1e6)]),
  );
  const rates = { publishedPerSecond: rows / ((published - first) / 1000), emptiedPerSecond: rows / ((emptied - first) / 1000) };
  const goals = backlogGoals(rates);
  const result = { ...on, rows, startSeconds: (first - began) / 1000, ...rates, microseconds, goals };
  say(JSON.stringify(result));
  writeFileSync(new URL('results/backlog.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  printGoals(goals);
} finally {
  await client.end();
  await down();
}
