import { readFileSync } from 'node:fs';
import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { System } from '../../checks/check.ts';
import { readOutbox, type Outbox } from '../../checks/outbox.ts';
import { readCleanupStop, readConnectorState, readSlot, type CleanupStop, type Slot } from '../../checks/state.ts';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../../contract/names.ts';
import { ConnectApi, type ConnectorConfig, type ConnectorStatus } from '../../kit/connect-api.ts';
import { topicOffsets } from '../../kit/kafka-admin.ts';
import { openPool } from '../../kit/postgres.ts';
import { openAdmin } from '../kafka.ts';
import { consumerGroups, readLag } from '../lag.ts';
import { postgresFault } from '../postgres.ts';
import type { Config } from './config.ts';
import { parseMetrics, type Sample } from './metrics-text.ts';

export const services = ['ingest', 'watch', 'cleanup', 'consumer', 'actions'] as const;
export type Service = (typeof services)[number];

/** What was seen at one moment. What could not be asked is absent, with the reason in `silent`. */
export interface Look {
  at: number;
  silent: ReadonlyMap<System | Service, string>;
  outbox?: Outbox;
  slot?: Slot | undefined;
  paused?: { at: Date; because: string | undefined } | undefined;
  stop?: CleanupStop | undefined;
  connector?: ConnectorStatus | undefined;
  /** Of all partitions together, transaction markers included. */
  end?: number;
  groups: readonly { group: string; lag: number; exact: boolean }[];
  /** Of those that answered. */
  samples: ReadonlyMap<Service, readonly Sample[]>;
}

/** Slower than this is no answer: the page says so instead of waiting. */
const WITHIN_MS = 2000;
/** Groups come and go seldom: their list is read once in so many looks. */
const LIST_GROUPS_EVERY = 10;

/** Connections that stay while somebody looks. */
export class Sources {
  readonly pool: Pool;
  readonly #config: Config;
  readonly #connect: ConnectApi;
  readonly #slotName: string | undefined;
  #admin: Promise<Admin> | undefined;
  #groups: string[] = [];
  #looks = 0;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.pool = openPool(config.DATABASE_URL, { max: 3, statementMs: WITHIN_MS, options: '-c application_name=outbox-console' }, log);
    this.#connect = new ConnectApi(config.CONNECT_URL, WITHIN_MS);
    const file = new URL('../../connect/outbox-connector.json', import.meta.url);
    this.#slotName = (JSON.parse(readFileSync(file, 'utf8')) as ConnectorConfig)['slot.name'];
  }

  /** Asks everything at once; never fails. */
  async look(): Promise<Look> {
    const silent = new Map<System | Service, string>();
    const ask = async <T>(name: System | Service, asked: Promise<T>): Promise<T | undefined> =>
      within(asked).catch((error: unknown) => {
        silent.set(name, error instanceof Error ? error.message : String(error));
        return undefined;
      });
    const metrics = services.filter((service) => this.#urls(service).length > 0);
    const [database, kafka, connector, ...scraped] = await Promise.all([
      ask('postgres', this.#database()),
      ask('kafka', this.#kafka()),
      ask('connect', this.#connect.status(CONNECTOR_NAME)),
      ...metrics.map((service) => ask(service, this.#scrape(service))),
    ]);
    const samples = new Map(metrics.flatMap((service, at) => (scraped[at] === undefined ? [] : [[service, scraped[at]] as const])));
    return { at: Date.now(), silent, ...database, connector, groups: [], ...kafka, samples };
  }

  /** Nobody looks: no connection is kept. Postgres' are closed by the pool itself. */
  async rest(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await (await admin?.catch(() => undefined))?.disconnect().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.rest();
    await this.pool.end();
  }

  async #database() {
    try {
      const [outbox, slot, state, stop] = await Promise.all([
        readOutbox(this.pool),
        readSlot(this.pool, this.#slotName),
        readConnectorState(this.pool),
        readCleanupStop(this.pool, EVENT_TOPIC),
      ]);
      return { outbox, slot, paused: state.paused, stop };
    } catch (error) {
      throw postgresFault(error);
    }
  }

  async #kafka() {
    try {
      const admin = await (this.#admin ??= openAdmin(this.#config.KAFKA_BROKERS));
      if (this.#looks++ % LIST_GROUPS_EVERY === 0 || this.#groups.length === 0) this.#groups = await consumerGroups(admin);
      const [{ ends }, lags] = await Promise.all([topicOffsets(admin, EVENT_TOPIC), readLag(admin, EVENT_TOPIC, this.#groups)]);
      const end = [...ends.values()].reduce((sum, offset) => sum + offset, 0n);
      return { end: Number(end), groups: lags.map(({ group, records, exact }) => ({ group, lag: Number(records), exact })) };
    } catch (error) {
      void this.rest(); // The next look connects again.
      throw error;
    }
  }

  async #scrape(service: Service): Promise<Sample[]> {
    const texts = await Promise.all(
      this.#urls(service).map(async (url) => {
        const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) }).catch((error: unknown) => {
          throw new Error(`nothing answers at ${url}`, { cause: error });
        });
        if (!response.ok) throw new Error(`${url} answers ${response.status}`);
        return response.text();
      }),
    );
    return texts.flatMap(parseMetrics);
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
