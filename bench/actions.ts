import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Partitioners } from 'kafkajs';
import { createKafka } from '../kit/kafka.ts';
import { registryEnv } from '../stack/http-logins.ts';
import { kafkaEnv, kafkaFor } from '../stack/kafka-logins.ts';
import pg from 'pg';
import { EVENT_SUBJECT } from '../contract/names.ts';
import { databaseUrl, readStackConfig, registryUrl } from '../stack/config.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { atLeast, atMost, printGoals, spread } from './figures.ts';
import { machine } from './machine.ts';

// `npm run bench:actions`, on a running stack (`make up`): an action consumer in its own process works off a full topic,
// with targets in this process that answer at once. It measures from the first call to the last: decoding, inbox,
// signing, HTTP, outcomes in Postgres, a log line for each. First with one target, then with a hundred, with and without
// one that accepts every connection and never answers.

const on = machine();
const EVENTS = Number(process.env.BENCH_EVENTS ?? 30_000);
const TARGETS = 100;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const GOAL_PER_SECOND = 1500;
const GOAL_LOSS = 0.1;
const ROUND_WITHIN_MS = 180_000;

if (existsSync('.env')) process.loadEnvFile('.env');
const config = readStackConfig(process.env);
const run = randomBytes(4).toString('hex');
const user = `bench-${run}`;
const topic = `bench-actions-${run}`;
const folder = mkdtempSync(join(tmpdir(), 'bench-actions-'));
const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

/** Calls that arrived, by target, each webhook-id once. */
const arrived = new Map<string, Set<string>>();
let firstAt = 0;
let lastAt = 0;
let repeats = 0;
const target = createServer((request, response) => {
  const path = (request.url ?? '').slice(1);
  if (path === 'dead') return; // Neither an answer nor an end.
  request.resume().on('end', () => {
    const ids = arrived.get(path) ?? new Set();
    const id = String(request.headers['webhook-id']);
    if (ids.has(id)) repeats += 1;
    else lastAt = performance.now();
    firstAt ||= lastAt;
    arrived.set(path, ids.add(id));
    response.writeHead(204).end();
  });
});
target.keepAliveTimeout = 60_000;
await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;

const kafka = createKafka(kafkaFor(config, 'admin'), { clientId: 'bench' });
const admin = kafka.admin();
const pool = new pg.Pool({ connectionString: databaseUrl(config, 'actions'), max: 1 });

/** The events, spread over the zaps: `user/t0` to `user/t99`. */
async function fillTopic(): Promise<void> {
  await admin.createTopics({
    topics: [{ topic, numPartitions: 6, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }],
  });
  const registry = new SchemaRegistry({
    host: registryUrl(config),
    auth: { username: 'reader', password: config.secrets.registry_reader },
  });
  const schemaId = await registry.getLatestSchemaId(EVENT_SUBJECT);
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const metadata = JSON.stringify({ text: 'x'.repeat(388) });
  for (let from = 0; from < EVENTS; from += 1000) {
    const messages = Array.from({ length: Math.min(1000, EVENTS - from) }, async (_, at) => {
      const zapId = `t${(from + at) % TARGETS}`;
      const event = { zapRunId: randomUUID(), userId: user, zapId, receivedAt: Date.now(), metadata, headers: {} };
      return { key: `${user}/${zapId}`, value: await registry.encode(schemaId, event), headers: { id: event.zapRunId } };
    });
    await producer.send({ topic, messages: await Promise.all(messages) });
  }
  await producer.disconnect();
}

/** One target for every zap, or one for each, of which the first may be dead. */
function writeActions(many: boolean, dead: boolean): string {
  const file = join(folder, 'actions.json');
  const one = (zap: string, path: string) => ({ zap: `${user}/${zap}`, url: `${base}/${path}`, secrets: ['env:BENCH_SECRET'] });
  const targets = many
    ? Object.fromEntries(Array.from({ length: TARGETS }, (_, n) => [`t${n}-${run}`, one(`t${n}`, dead && n === 0 ? 'dead' : `t${n}`)]))
    : { [`all-${run}`]: one('*', 'all') };
  writeFileSync(file, JSON.stringify({ targets }));
  return file;
}

/** @returns calls per second of the targets that count, from the first to the last */
async function round(many: boolean, dead: boolean): Promise<number> {
  arrived.clear();
  [firstAt, lastAt, repeats] = [0, 0, 0];
  const out = openSync(join(folder, 'log'), 'w');
  const service = spawn(process.execPath, ['--import', 'tsx', 'consumers-example/actions/main.ts'], {
    stdio: ['ignore', out, out],
    env: {
      ...process.env,
      ...{
        DATABASE_URL: databaseUrl(config, 'actions'),
        ...kafkaEnv(config, 'admin'),
        ...registryEnv(config, 'reader'),
        TOPIC: topic,
      },
      ...{ GROUP_ID: `bench-${randomBytes(4).toString('hex')}`, ACTIONS_FILE: writeActions(many, dead), BENCH_SECRET: SECRET },
      ...{ ALLOW_TARGETS: new URL(base).host, METRICS_PORT: String((await freePorts(1))[0]) },
    },
  });
  const ended = new Promise((resolve) => service.once('exit', resolve));
  // With a hundred targets the first never counts, so that both kinds of round compare the same targets.
  const counting = () => [...arrived].filter(([path]) => path !== 't0').reduce((sum, [, ids]) => sum + ids.size, 0);
  const expected = many ? EVENTS - Math.ceil(EVENTS / TARGETS) : EVENTS;
  const deadline = performance.now() + ROUND_WITHIN_MS;
  while (counting() < expected && performance.now() < deadline && service.exitCode === null) await delay(50);
  const calls = counting();
  const perSecond = calls / ((lastAt - firstAt) / 1000);
  service.kill('SIGTERM');
  target.closeAllConnections(); // The dead one's.
  await ended;
  if (calls < expected) throw new Error(`only ${calls} of ${expected} calls arrived, see ${folder}/log`);
  await pool.query('DELETE FROM actions.event WHERE zap LIKE $1', [`${user}/%`]);
  process.stdout.write(
    `${many ? `${TARGETS} targets${dead ? ', one of them dead' : ''}` : 'one target'}: ${calls} calls, ${perSecond.toFixed(0)}/s, ${repeats} repeats\n`,
  );
  return perSecond;
}

await admin.connect();
const one: number[] = [];
const alive: number[] = [];
const withDead: number[] = [];
try {
  await fillTopic();
  for (let n = 0; n < ROUNDS; n += 1) {
    one.push(await round(false, false));
    // In turns, because each round leaves larger tables than it found.
    for (const dead of n % 2 === 0 ? [false, true] : [true, false]) (dead ? withDead : alive).push(await round(true, dead));
  }
} finally {
  await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
  await admin.disconnect();
  await pool.end();
  target.close();
  target.closeAllConnections();
}
rmSync(folder, { recursive: true });

const loss = 1 - spread(withDead).median / spread(alive).median;
const result = {
  ...on,
  ...{ events: EVENTS, targets: TARGETS, rounds: ROUNDS },
  ...{ oneTarget: spread(one), allAlive: spread(alive), oneDead: spread(withDead), loss },
};
writeFileSync(new URL('results/actions.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
printGoals([
  atLeast('calls per second to one target', result.oneTarget.median, GOAL_PER_SECOND),
  atMost(`what one dead target of ${TARGETS} costs the others, in %`, loss * 100, GOAL_LOSS * 100, 1),
]);
process.exit();
