import { execFile } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { copyNames } from '../../stack/copies.ts';
import { kafkaClasspath } from '../../stack/jars.ts';
import { kafkaProperties } from '../../stack/kafka-logins.ts';
import { READ_AUDIT, READ_RUNS } from './audit.ts';
import type { AuditRow, Call, Commit, Facts, Run, TopicRecord } from './facts.ts';
import { opsOf, readHistory, spansOf } from './history.ts';
import type { World } from './world.ts';

const CONNECT_TOPICS = ['outbox-connect.configs', 'outbox-connect.status'];

/** Collects all facts of a finished run that has come to rest. */
export async function gather(world: World, unrest: readonly string[], canary: string): Promise<Facts> {
  const lines = readHistory(world.file('history.ndjson'));
  const secrets = [canary, ...Object.values(world.config.secrets)];
  const witnessed = await askWitness(world, secrets);
  const ids = async (sql: string) => (await world.query<{ id: string }>(sql)).map(({ id }) => id);
  const [wal] = await world.query<{ bytes: string }>(
    `SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)), 0) AS bytes FROM pg_replication_slots`,
    [],
    'postgres',
  );
  return {
    ops: opsOf(lines),
    spans: spansOf(lines, Date.now()),
    records: witnessed.records,
    commits: witnessed.commits,
    audit: await world.query<AuditRow>(READ_AUDIT),
    runs: await world.query<Run>(READ_RUNS),
    left: await ids('SELECT id FROM zap_run_outbox'),
    dead: await ids('SELECT id FROM outbox_dead'),
    handled: await readHandled(world),
    calls: readCalls(world.file('calls.ndjson')),
    targets: world.targets,
    ackGroups: world.ackGroups,
    unrest,
    leaks: [...witnessed.leaks, ...(await leaksInLogs(world, secrets))],
    retainedWal: Number(wal?.bytes),
  };
}

interface Witnessed {
  records: TopicRecord[];
  commits: Commit[];
  leaks: string[];
}

/** Reads Kafka by the Java client of the stack's own jars. */
async function askWitness(world: World, secrets: readonly string[]): Promise<Witnessed> {
  const [client, wanted] = [world.file('witness.properties'), world.file('witness.secrets')];
  writeFileSync(client, kafkaProperties(world.config, 'admin').join('\n'), { mode: 0o600 });
  writeFileSync(wanted, secrets.join('\n'), { mode: 0o600 });
  const source = fileURLToPath(new URL('Witness.java', import.meta.url));
  const args = ['-Xmx768m', '-cp', kafkaClasspath(world.config.jars), source, client, wanted, EVENT_TOPIC, ...CONNECT_TOPICS];
  const { stdout } = await promisify(execFile)(world.java, args, { maxBuffer: 2 ** 30 });
  const seen: Witnessed = { records: [], commits: [], leaks: [] };
  for (const line of stdout.split('\n')) {
    const [kind, ...fields] = line.split('\t');
    if (kind === 'E') seen.records.push(recordOf(fields));
    else if (kind === 'C') seen.commits.push(commitOf(fields));
    else if (kind === 'L') seen.leaks.push(`the topic ${fields[0]}`);
  }
  seen.records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  if (seen.commits.length === 0) throw new Error('the witness saw no position of any group');
  return seen;
}

function recordOf(fields: readonly string[]): TopicRecord {
  const [partition, offset, appendedAt, key = '', id = '', resends, sha = '', eventId = '', zap = '', metadataSha = '', op = ''] = fields;
  return {
    ...{ partition: Number(partition), offset: Number(offset), appendedAt: Number(appendedAt) },
    ...{ key, id, resends: Number(resends), sha, event: { id: eventId, zap, metadataSha, op } },
  };
}

function commitOf([group = '', partition, offset, at]: readonly string[]): Commit {
  return { group, partition: Number(partition), offset: Number(offset), at: Number(at) };
}

/** From the logs of the typed consumer, which have a line per handled event. */
async function readHandled(world: World): Promise<Set<string>> {
  const handled = new Set<string>();
  for (const copy of copyNames(world.config, 'consumer')) {
    for await (const line of createInterface({ input: createReadStream(world.file(`logs/${copy}.log`)) })) {
      const id = /"zapRunId":"([0-9a-f-]{36})"/.exec(line)?.[1];
      if (id !== undefined) handled.add(id);
    }
  }
  return handled;
}

/** A receiver that was killed may leave half a line. */
function readCalls(path: string): Call[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Call];
      } catch {
        return [];
      }
    });
}

async function leaksInLogs(world: World, secrets: readonly string[]): Promise<string[]> {
  const leaks = new Set<string>();
  for (const name of readdirSync(world.file('logs'))) {
    for await (const line of createInterface({ input: createReadStream(world.file(`logs/${name}`)) })) {
      if (secrets.some((secret) => line.includes(secret))) leaks.add(name);
    }
  }
  return [...leaks];
}
