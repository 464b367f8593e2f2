import { execFileSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { databaseUrl, echoSecret, readStackConfig, type Login, type StackConfig } from '../../stack/config.ts';
import { copyNames, portsOf } from '../../stack/copies.ts';
import { ensureJars } from '../../stack/jars.ts';
import { findJava } from '../../stack/jdk.ts';
import { ACK_GROUPS, stackParts } from '../../stack/parts.ts';
import { portSettings } from '../../stack/ports.ts';
import { Supervisor } from '../../stack/supervisor.ts';
import { down } from '../../stack/up.ts';
import { waitFor } from '../support/wait-for.ts';
import { AUDIT } from './audit.ts';
import { Link } from './link.ts';
import { openLinks } from './links.ts';
import { takePorts } from './ports.ts';
import { createRandom } from './random.ts';
import { createDriver, startHelper, type Driver } from './helpers.ts';

/** A separate stack, with everything that the faults need. */
export interface World {
  config: StackConfig;
  java: string;
  ackGroups: readonly string[];
  targets: readonly string[];
  supervisor: Supervisor;
  links: ReadonlyMap<string, Link>;
  driver: Driver;
  /** In the world's folder. */
  file: (name: string) => string;
  query: <T extends pg.QueryResultRow>(sql: string, values?: unknown[], login?: Login) => Promise<T[]>;
  /** Waits until every part is up. */
  untilUp: () => Promise<unknown>;
  end: () => Promise<void>;
  /** Ends every process of the stack at once. */
  kill: () => void;
}

/** How large a run is. */
export interface Size {
  canary: string;
  dir: string;
  seed: number;
  zaps: number;
  /** Events per second. */
  rate: number;
}

/** Files that a run leaves for the next one: passwords, and archives that make Java start sooner. */
const STATE = ['postgres', ...copyNames({ PROFILE: 'cluster' }, 'kafka'), 'logs', 'history.ndjson', 'calls.ndjson'];
const TARGETS = ['steady', 'moody'];

/** Boots a fresh stack in the folder; an earlier one's state is removed. */
export async function createWorld({ dir, seed, zaps, rate, canary }: Size, say: (line: string) => void): Promise<World> {
  await down(dir);
  for (const path of STATE) rmSync(join(dir, path), { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  // Not the seed: two runs of one seed may run at the same time.
  const anywhere = createRandom(process.pid);
  const ports = await takePorts(portSettings.length + 2, anywhere);
  const own = Object.fromEntries(portSettings.map((name, index) => [name, String(ports[index])]));
  const [receiverPort = 0, receiverLink = 0] = ports.slice(portSettings.length);
  Object.assign(process.env, own, {
    STACK_DIR: dir,
    // Lost events are sent again within the run, and no call waits longer than the run.
    RESEND_AFTER_SECONDS: process.env.RESEND_AFTER_SECONDS ?? '10',
    LEASE_SECONDS: '8',
    RETRY_SCHEDULE: ['200ms', '500ms', '1s', ...Array<string>(120).fill('2s')].join(','),
    ACTIONS_FILE: join(dir, 'actions.json'),
    ALLOW_TARGETS: `127.0.0.1:${receiverLink}`,
  });
  const config = readStackConfig(process.env);
  writeActions(join(dir, 'actions.json'), receiverLink);
  const java = findJava(process.env);
  ensureJars(config.jars, java, say);
  // The ports of copies lie above those of the first; the links' are beyond them.
  const beyond = Math.max(...portSettings.flatMap((name) => portsOf(config, name))) + 100;
  const ingests = portsOf(config, 'INGEST_PORT');
  const driverPorts = await takePorts(ingests.length, anywhere, beyond);
  const wiring = await openLinks(config, (count) => takePorts(count, anywhere, beyond + 100));
  const links = new Map(wiring.links);
  for (const [index, name] of copyNames(config, 'ingest').entries())
    links.set(`driver-${name}`, await Link.open(`driver-${name}`, driverPorts[index] ?? 0, ingests[index] ?? 0));
  links.set('actions-receiver', await Link.open('actions-receiver', receiverLink, receiverPort));
  const parts = wiring.rewire(await stackParts(config, java, process.env)).map((part) => {
    if (!copyNames(config, 'kafka').includes(part.name)) return part;
    const path = join(dir, `${part.name}.properties`);
    const prepare = async () => {
      await part.prepare?.();
      writeFileSync(path, wiring.listeners(part.name, readFileSync(path, 'utf8')));
    };
    return { ...part, prepare };
  });
  const supervisor = new Supervisor(parts, dir, config.START_TIMEOUT_SECONDS * 1000);
  const untilUp = () =>
    waitFor('every part is up', async () => supervisor.status().every(({ state }) => state === 'up'), config.START_TIMEOUT_SECONDS * 2000);
  const history = join(dir, 'history.ndjson');
  const world: World = {
    ...{ config, java, supervisor, links, untilUp },
    ...{
      ackGroups: ACK_GROUPS,
      targets: TARGETS,
      driver: createDriver({ urls: driverPorts.map((port) => `http://127.0.0.1:${port}`), history, seed, zaps, rate, canary }),
    },
    file: (name) => join(dir, name),
    query: (sql, values = [], login = 'outbox_owner') => query(config, sql, values, login),
    kill: () => {
      for (const { pid } of supervisor.status()) {
        for (const one of pid === undefined ? [] : family(pid)) {
          try {
            process.kill(one, 'SIGKILL');
          } catch {
            // It has ended meanwhile.
          }
        }
      }
    },
    end: async () => {
      await world.driver.stop();
      await supervisor.stop();
      for (const link of links.values()) await link.close();
    },
  };
  supervisor.start();
  try {
    await untilUp();
    await world.query(AUDIT);
  } catch (error) {
    await world.end();
    throw error;
  }
  startReceiver(world, receiverPort, seed);
  world.driver.start();
  return world;
}

async function query<T extends pg.QueryResultRow>(config: StackConfig, sql: string, values: unknown[], login: Login): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl(config, login), connectionTimeoutMillis: 5000, query_timeout: 120_000 });
  client.on('error', () => undefined); // The query fails as well.
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

function writeActions(path: string, port: number): void {
  const target = (name: string) => ({
    zap: 'faults/*',
    url: `http://127.0.0.1:${port}/${name}`,
    secrets: ['env:ECHO_SECRET'],
    timeoutSeconds: 5,
    concurrency: 100,
  });
  writeFileSync(path, JSON.stringify({ targets: Object.fromEntries(TARGETS.map((name) => [name, target(name)])) }));
}

function startReceiver(world: World, port: number, seed: number): ChildProcess {
  return startHelper('receiver.ts', { port, calls: world.file('calls.ndjson'), secret: echoSecret(world.config), seed });
}

/** The process and all below it, by /proc or ps: Postgres's children lead groups of their own. */
export function family(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const children = new Map<number, number[]>();
  for (const line of lines) {
    const [child = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const all = [pid];
  for (const one of all) all.push(...(children.get(one) ?? []));
  return all;
}
