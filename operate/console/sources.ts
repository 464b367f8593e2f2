import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { System } from '../../checks/check.ts';
import { readOutbox, type Outbox } from '../../checks/outbox.ts';
import {
  readCleanupStop,
  readConnectorState,
  readShards,
  readSlots,
  worstSlot,
  type CleanupStop,
  type Pause,
  type Slot,
} from '../../checks/state.ts';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { ConnectApi, type ConnectorStatus } from '../../kit/connect-api.ts';
import { topicOffsets } from '../../kit/kafka-admin.ts';
import { openPool } from '../../kit/postgres.ts';
import { openAdmin } from '../kafka.ts';
import { consumerGroups, readLag } from '../lag.ts';
import { nameFaults } from '../postgres.ts';
import type { Config } from './config.ts';
import { together } from '../../checks/connector-status.ts';
import { parseMetrics, type Sample } from './metrics-text.ts';

export const services = ['ingest', 'watch', 'cleanup', 'consumer', 'actions'] as const;
export type Service = (typeof services)[number];

/** The state at one moment. The data of a source that did not answer is absent, with the reason in `silent`. */
export interface Snapshot {
  at: number;
  silent: ReadonlyMap<System | Service, Error>;
  outbox?: Outbox;
  slot?: Slot | undefined;
  paused?: Pause | undefined;
  stop?: CleanupStop | undefined;
  connector?: ConnectorStatus | undefined;
  /** Of all partitions together, transaction markers included. */
  end?: number;
  groups: readonly { group: string; lag: number; exact: boolean }[];
  /** When Kafka and the metrics were read, which is not at every snapshot. */
  kafkaAt: number;
  metricsAt: number;
  /** Of those that answered. */
  samples: ReadonlyMap<Service, readonly Sample[]>;
}

/** Deadline of a source. The page reports a slower one instead of waiting. */
const WITHIN_MS = 2000;
/** Every source is read once in this many snapshots. */
const TURNS = 4;
/** Data older than this is not shown after a pause. */
const AFRESH_MS = 4000;
/** Groups change rarely, so their list is read once in this many reads of Kafka. */
const LIST_GROUPS_EVERY = 10;

/** The data of one source, or why it did not answer. */
interface Kept {
  at: number;
  value: unknown;
  silent: Error | undefined;
}

/**
 * Connections that stay open while a page is open. The outbox is counted for each snapshot. The other sources take turns,
 * as reading them is the largest cost here: each is read for every fourth snapshot, and for each one while it is silent.
 */
export class Sources {
  readonly pool: Pool;
  readonly #config: Config;
  readonly #connect: ConnectApi;
  readonly #kept = new Map<string, Kept>();
  #admin: Promise<Admin> | undefined;
  #groups: string[] = [];
  #snapshots = 0;
  #listed = 0;
  #takenAt = 0;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.pool = openPool(config.DATABASE_URL, { max: 3, statementMs: WITHIN_MS, options: '-c application_name=outbox-console' }, log);
    nameFaults(this.pool);
    this.#connect = new ConnectApi(config, WITHIN_MS);
  }

  /** Reads the sources whose turn it is, or all of them after a pause. Never rejects. */
  async snapshot(): Promise<Snapshot> {
    const at = Date.now();
    if (at - this.#takenAt > AFRESH_MS) this.#kept.clear();
    this.#takenAt = at;
    const turn = this.#snapshots++ % TURNS;
    const metrics = services.filter((service) => this.#urls(service).length > 0);
    const [outbox, state, kafka, connector, ...scraped] = await Promise.all([
      this.#ask('outbox', true, () => readOutbox(this.pool)),
      this.#ask('state', turn === 0, () => this.#state()),
      this.#ask('kafka', turn === 1, () => this.#kafka()),
      this.#ask('connect', turn === 3, () => this.#connectors()),
      ...metrics.map((service) => this.#ask(service, turn === 2, () => this.#scrape(service))),
    ]);
    const silent = new Map<System | Service, Error>();
    const postgres = outbox.silent ?? state.silent;
    if (postgres !== undefined) silent.set('postgres', postgres);
    if (kafka.silent !== undefined) silent.set('kafka', kafka.silent);
    if (connector.silent !== undefined) silent.set('connect', connector.silent);
    metrics.forEach((service, index) => {
      const why = scraped[index]?.silent;
      if (why !== undefined) silent.set(service, why);
    });
    const samples = new Map(
      metrics.flatMap((service, index) => (scraped[index]?.value === undefined ? [] : [[service, scraped[index].value] as const])),
    );
    const times = { at, kafkaAt: kafka.at, metricsAt: Math.max(0, ...scraped.map((one) => one.at)) };
    return {
      ...{ ...times, silent, samples, groups: [] },
      ...(outbox.value === undefined ? {} : { outbox: outbox.value }),
      ...state.value,
      ...kafka.value,
      connector: connector.value,
    };
  }

  async #ask<T>(name: string, due: boolean, ask: () => Promise<T>): Promise<Kept & { value: T | undefined }> {
    const kept = this.#kept.get(name);
    if (kept !== undefined && !due && kept.silent === undefined) return kept as Kept & { value: T };
    const at = Date.now();
    const asked = await within(ask()).then(
      (value) => ({ at, value, silent: undefined }),
      (error: unknown) => ({ at, value: undefined, silent: error instanceof Error ? error : new Error(String(error)) }),
    );
    this.#kept.set(name, asked);
    return asked;
  }

  /** Closes the connections while no page is open. The pool closes those to Postgres itself. */
  async rest(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await (await admin?.catch(() => undefined))?.disconnect().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.rest();
    await this.pool.end();
  }

  async #state() {
    const asked = [readSlots(this.pool), readConnectorState(this.pool), readCleanupStop(this.pool, EVENT_TOPIC)] as const;
    const [slots, { paused }, stop] = await Promise.all(asked);
    return { slot: worstSlot(slots), paused, stop };
  }

  /** All shards' connectors as one: the state of the worst, and all tasks. */
  async #connectors(): Promise<ConnectorStatus | undefined> {
    const shards = await readShards(this.pool);
    return together(await Promise.all(shards.map(({ connector }) => this.#connect.status(connector))));
  }

  async #kafka() {
    try {
      const admin = await (this.#admin ??= openAdmin(this.#config));
      if (this.#listed++ % LIST_GROUPS_EVERY === 0 || this.#groups.length === 0) this.#groups = await consumerGroups(admin);
      const offsets = await topicOffsets(admin, EVENT_TOPIC);
      const lags = await readLag(admin, EVENT_TOPIC, this.#groups, offsets);
      const { ends } = offsets;
      const end = [...ends.values()].reduce((sum, offset) => sum + offset, 0n);
      return { end: Number(end), groups: lags.map(({ group, records, exact }) => ({ group, lag: Number(records), exact })) };
    } catch (error) {
      void this.rest(); // The next snapshot connects again.
      throw error;
    }
  }

  async #scrape(service: Service): Promise<Sample[]> {
    return (await Promise.all(this.#urls(service).map(scrape))).flatMap(parseMetrics);
  }

  #urls(service: Service): readonly string[] {
    return this.#config[`${service.toUpperCase() as Uppercase<Service>}_METRICS_URL`];
  }
}

async function within<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${WITHIN_MS / 1000} s`)), WITHIN_MS);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

/** Connections are reused: fetch would connect each time, which costs more than the request. */
const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/** @returns the text of a service's metrics */
async function scrape(url: string): Promise<string> {
  const { protocol } = new URL(url);
  const [from, agent] = protocol === 'https:' ? [https, agents['https:']] : [http, agents['http:']];
  const request = from.get(url, { agent, signal: AbortSignal.timeout(WITHIN_MS) });
  const [response] = (await once(request, 'response').catch((error: unknown) => {
    throw new Error(`nothing answers at ${url}`, { cause: error });
  })) as [http.IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}`);
  return body;
}
