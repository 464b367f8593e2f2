import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { settings as page } from '../operate/console/config.ts';
import { settings as cleanup } from '../cleanup/config.ts';
import { settings as register } from '../connect/config.ts';
import { settings as watch } from '../watch/config.ts';
import { settings as actions } from '../consumers-example/actions/config.ts';
import { settings as consumer } from '../consumers-example/config.ts';
import { settings as echo } from '../consumers-example/echo/config.ts';
import { settings as ingest } from '../ingest/config.ts';
import { composeEnvironment, composeOptions, composeVariables, readPins, requirePins, root } from './compose.ts';
import { filesOverride } from './compose-files.ts';
import { kafkaPrincipals, readStackConfig, type StackConfig } from './config.ts';
import { FALLBACK, readHandedFiles } from './files.ts';
import { stackParts } from './parts.ts';
import type { Part } from './keeper.ts';

// compose.yaml and stack/parts.ts describe the same chain.

interface Service {
  image: string;
  build?: { args: Record<string, string> };
  command?: string[];
  environment?: Record<string, string | null>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
  ports?: string[];
  restart?: string;
  profiles?: string[];
  init?: boolean;
  networks?: string[];
  dns?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  pids_limit?: number;
  privileged?: boolean;
  network_mode?: string;
  mem_limit?: string;
  container_name?: string;
}

const text = readFileSync(join(root, 'compose.yaml'), 'utf8');
const { services, networks } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { driver_opts?: Record<string, string> } | null>;
};
const all = Object.entries(services);
const chain = all.filter(([, { profiles }]) => profiles === undefined);

let dir: string;
let config: StackConfig;
let parts: Part[];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'compose-'));
  config = readStackConfig({ STACK_DIR: dir });
  parts = await stackParts(config, 'java', {});
});
afterAll(() => rmSync(dir, { recursive: true }));

/** The settings that say where something is, or are secret: they differ between processes and containers. */
const PLACE = /^(HOST|PORT)$|^METRICS_|URL$|^KAFKA_BROKERS$|PASSWORD$|SECRET$|_FILE$|_DIR$|^ALLOW_TARGETS$/;
/** The others that are given; one without a value in compose.yaml is only handed on. */
const settingsOf = (env: Record<string, string | null | undefined> = {}) =>
  Object.fromEntries(Object.entries(env).filter(([name, value]) => value !== null && !PLACE.test(name)));
const write = (name: string, content: unknown): string => {
  const path = join(dir, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

describe('compose.yaml', () => {
  test('has a service for each part of the embedded stack, and besides them only those that are started on demand', () => {
    expect(chain.map(([name]) => name).sort()).toEqual(parts.map(({ name }) => name).sort());
    expect(all.filter(([, { profiles }]) => profiles !== undefined).map(([name]) => name)).toEqual(['ui', 'prometheus', 'grafana']);
  });

  test('gives each TypeScript part the program, login and settings of the embedded stack', () => {
    const login = (url?: string | null) => /^postgresql:\/\/(\w+):/.exec(url ?? '')?.[1];
    for (const { name, command } of parts.filter((part) => part.command.args.includes('tsx'))) {
      const service = services[name];
      const program = command.args.at(-1)?.slice(root.length) ?? '';
      expect([name, ...(service?.command ?? [])]).toEqual([name, 'node', program]);
      expect([name, login(service?.environment?.DATABASE_URL)]).toEqual([name, login(command.env?.DATABASE_URL)]);
      expect([name, settingsOf(service?.environment)]).toEqual([name, settingsOf(command.env)]);
    }
  });

  test('passes on the same settings to each service as the embedded stack: all that the stack does not set', async () => {
    // The stack sets how its own Kafka and registry are reached; the rest is for servers that are not its own.
    const isOfTheirKafka = (name: string) => /^(KAFKA_(?!BROKERS$)|REGISTRY_(CA|TOKEN))/.test(name);
    const names = Object.entries({ register, watch, ingest, cleanup, consumer, echo, actions, console: page }).flatMap(([part, schema]) =>
      Object.keys(schema.shape)
        .filter((name) => !isOfTheirKafka(name))
        .map((name) => [part, name] as const),
    );
    const env = {
      ...Object.fromEntries(names.map(([, name]) => [name, '1'])),
      ZAPS_FILE: write('zaps.json', { zaps: [] }),
      ACTIONS_FILE: write('actions.json', { targets: {} }),
    };
    const embedded = await stackParts(config, 'java', env);
    const own = filesOverride(readHandedFiles(env), []).services;
    expect(FALLBACK.actions).toBe(actions.shape.ACTIONS_FILE.parse(undefined));
    for (const [part, name] of names) {
      const inDocker = Object.keys({ ...services[part]?.environment, ...own[part]?.environment });
      const inEmbedded = Object.keys(embedded.find((one) => one.name === part)?.command.env ?? {});
      expect([part, name, inDocker.includes(name), inEmbedded.includes(name)]).toEqual([part, name, true, true]);
    }
  });

  test('creates the same logins of Kafka as the embedded stack', () => {
    const { environment = {}, command = [] } = services.kafka ?? {};
    const passwords = Object.keys(environment).flatMap((name) => /^KAFKA_([A-Z]+)_PASSWORD$/.exec(name)?.[1]?.toLowerCase() ?? []);
    expect(passwords).toEqual(kafkaPrincipals);
    expect(/for name in (.+); do/.exec(command.join())?.[1]?.split(' ')).toEqual(kafkaPrincipals);
  });

  test('publishes the metrics of each part that has some', () => {
    for (const { name } of parts.filter(({ command }) => command.env?.METRICS_PORT !== undefined)) {
      const { METRICS_PORT, METRICS_HOST } = services[name]?.environment ?? {};
      const published = `127.0.0.1:\${${name.toUpperCase()}_METRICS_PORT}:${METRICS_PORT}`;
      expect([name, METRICS_HOST, services[name]?.ports]).toEqual([name, '0.0.0.0', expect.arrayContaining([published]) as unknown]);
    }
  });

  test('makes each part wait for the same parts as in the embedded stack', () => {
    const kind = (name: string) => (services[name]?.healthcheck === undefined ? 'service_completed_successfully' : 'service_healthy');
    for (const { name, needs } of parts) {
      const waits = Object.entries(services[name]?.depends_on ?? {}).map(([other, { condition }]) => [other, condition]);
      expect([name, waits]).toEqual([name, expect.arrayContaining(needs.map((other) => [other, kind(other)])) as unknown]);
    }
    expect(Object.keys(services.ingest?.depends_on ?? {}).sort()).toEqual(['migrate', 'postgres']);
  });

  test('has a health check and a restart policy for each service that stays, and lets a job end', () => {
    for (const { name, probe } of parts) {
      expect([name, services[name]?.healthcheck !== undefined]).toEqual([name, probe !== undefined]);
      expect([name, services[name]?.restart]).toEqual([name, probe === undefined ? 'on-failure:5' : 'unless-stopped']);
    }
  });

  test('opens ports to this machine only, limits memory, and gives no container a fixed name', () => {
    for (const [name, { ports = [], mem_limit, init, container_name }] of all) {
      expect(ports.filter((port) => !/^127\.0\.0\.1:\$\{[A-Z_]+_PORT\}:\d+$/.test(port))).toEqual([]);
      expect([name, typeof mem_limit, init, container_name]).toEqual([name, 'string', true, undefined]);
    }
  });

  test('puts each part on the networks that it needs, and on no other', () => {
    expect(Object.fromEntries(all.map(([name, { networks = [] }]) => [name, networks.join(' ')]))).toEqual({
      ...{ postgres: 'data edge control', kafka: 'data control', registry: 'data', connect: 'control' },
      ...{ logins: 'data', migrate: 'data', acls: 'data', register: 'data control', watch: 'data control' },
      ...{ ingest: 'edge', cleanup: 'data', consumer: 'data', actions: 'calls data targets', echo: 'targets' },
      ...{ console: 'data edge control', ui: 'data control', prometheus: 'data edge metrics', grafana: 'metrics' },
    });
  });

  test('gives a way out, and names from outside, to the action consumer alone', () => {
    const opts = { driver_opts: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' } };
    const open = Object.keys(networks).filter((name) => networks[name]?.driver_opts === undefined);
    expect(open).toEqual(['calls']);
    for (const [name, network] of Object.entries(networks)) if (!open.includes(name)) expect([name, network]).toEqual([name, opts]);
    // The gateway of several networks is that of the first name.
    expect(services.actions?.networks?.toSorted()[0]).toBe('calls');
    for (const [name, { dns }] of all) expect([name, dns]).toEqual([name, name === 'actions' ? [] : ['127.0.0.1']]);
  });

  test('removes from each part the rights that it does not need', () => {
    const writable = ['postgres'];
    for (const [name, service] of all) {
      const { read_only, cap_drop, security_opt, privileged, network_mode } = service;
      expect([name, read_only, cap_drop, security_opt, privileged, network_mode]).toEqual([
        ...[name, !writable.includes(name), ['ALL'], ['no-new-privileges:true']],
        ...[undefined, undefined],
      ]);
      expect([name, service.pids_limit]).toEqual([name, 256]);
    }
    expect(all.filter(([, { cap_add }]) => cap_add !== undefined).map(([name]) => name)).toEqual(['postgres']);
  });

  test('names no image and no password itself', () => {
    for (const [name, { image }] of all) expect([name, image]).toEqual([name, expect.stringMatching(/^\$\{/) as string]);
    const values = all.flatMap(([, { environment = {} }]) => Object.entries(environment));
    expect(values.filter(([name, value]) => name.endsWith('PASSWORD') && value?.startsWith('${') !== true)).toEqual([]);
  });
});

describe('the variables of compose.yaml', () => {
  test('come from .env.example and the file that make up writes, and from nowhere else', () => {
    const known = new Set([...Object.keys(readPins()), ...Object.keys(composeEnvironment(config))]);
    const withDefault = [...text.matchAll(/\$\{([A-Z_]+):-/g)].map(([, name = '']) => name);
    expect(composeVariables(/./).filter((name) => !known.has(name) && !withDefault.includes(name))).toEqual([]);
  });

  test('are written to a file that its owner alone can read', () => {
    const file = composeOptions(config).at(-1) ?? '';
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain(`INGEST_PASSWORD=${config.secrets.ingest}\n`);
  });

  test('pin each image to a version', () => {
    expect(Object.keys(readPins()).sort()).toEqual(composeVariables(/_IMAGE$/).sort());
    for (const image of Object.values(readPins())) expect(image).toMatch(/^[a-z/.-]+:(?!latest)[\w.-]+$/);
  });

  test('that lack a pin are reported with the file to write it into', () => {
    const pins = { ...readPins() };
    delete pins.KAFKA_IMAGE;
    expect(() => requirePins({}, pins)).toThrow(/KAFKA_IMAGE.*\.env\.example/);
    expect(() => requirePins({ KAFKA_IMAGE: 'apache/kafka:4.3.1' }, pins)).not.toThrow();
  });
});
