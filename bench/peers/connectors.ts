import { spawn, type ChildProcess } from 'node:child_process';
import type pg from 'pg';
import { aclOf, changeAcls } from '../../kit/kafka-acls.ts';
import { ConnectApi } from '../../kit/connect-api.ts';
import { askService, connectService } from '../../kit/http-login.ts';
import { CONNECTOR_NAME, EVENT_TOPIC, SLOT_NAME } from '../../contract/names.ts';
import { order } from '../../stack/client.ts';
import { databaseUrl, type StackConfig } from '../../stack/config.ts';
import { connectFor } from '../../stack/http-logins.ts';
import { kafkaEnv, kafkaFor } from '../../stack/kafka-logins.ts';
import { withAdmin } from '../../stack/probes.ts';
import { until } from '../rows.ts';
import type { Contestant } from './relay.ts';
import { debeziumTable } from './tables.ts';

// The two that run in the stack's Connect worker: this project, and Debezium as its documentation sets it up.

const DEBEZIUM_TOPIC = 'outbox.event.debezium';
/** By default Debezium publishes logical messages too, such as the heartbeats of this project. */
const MESSAGE_TOPIC = 'debezium.message';

/**
 * Debezium's Postgres connector 3.7.0.Final with its outbox event router, as in its documentation
 * (transformations/outbox-event-router): every setting that is not here has its default, among them poll.interval.ms 500,
 * max.batch.size 2048, the stock queue, a publication of all tables and lsn.flush.mode. pgoutput because Postgres has no
 * decoderbufs of its own; StringConverter because the payload is sent as it is.
 */
const debeziumConfig = (config: StackConfig) => ({
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'tasks.max': '1',
  'database.hostname': '127.0.0.1',
  'database.port': String(config.POSTGRES_PORT),
  'database.user': 'postgres',
  'database.password': config.secrets.postgres,
  'database.dbname': 'outbox',
  'topic.prefix': 'debezium',
  'plugin.name': 'pgoutput',
  'table.include.list': 'public.debezium_outbox',
  'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  transforms: 'outbox',
  'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
});

function worker(config: StackConfig, pool: pg.Pool) {
  const api = new ConnectApi(connectFor(config), 30_000);
  const part = async () => (await order(config.dir, 'status'))?.find(({ name }) => name === 'connect');
  const pid = async () => (await part())?.pid ?? 0;
  return {
    api,
    pid,
    up: async () => {
      await order(config.dir, 'start', ['connect']);
      await until('Connect is up', async () => (await part())?.state === 'up', 60_000);
    },
    kill: async () => void process.kill(await pid(), 'SIGKILL'), // The runner starts it again.
    /** Streams, and not only runs: its slot is in use. */
    runs: (connector: string, slot: string) =>
      until(
        `${connector} streams`,
        async () => {
          const status = await api.status(connector);
          if (status?.tasks.length !== 1 || status.tasks[0]?.state !== 'RUNNING') return false;
          return ((await pool.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot])).rowCount ?? 0) > 0;
        },
        60_000,
      ),
    rests: (connector: string) =>
      until(
        `${connector} is paused`,
        async () => (await api.status(connector))?.tasks.every(({ state }) => state === 'PAUSED') === true,
        30_000,
      ),
  };
}

/** This project: Connect, and cleanup, which deletes the rows. No group is waited for, as the others wait for none. */
export function ours(config: StackConfig, pool: pg.Pool): Contestant {
  const { api, pid, up, kill, runs, rests } = worker(config, pool);
  let cleanup: ChildProcess | undefined;
  const release = async () => {
    await api.resume(CONNECTOR_NAME);
    await runs(CONNECTOR_NAME, SLOT_NAME);
  };
  return {
    name: 'ours',
    title: 'this project',
    version: 'Connect with its connector and queue, and cleanup',
    topic: EVENT_TOPIC,
    insert: `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
             SELECT id, 'zap-run', 'bench/' || zap, 'ZapRunCreated', convert_to($3, 'UTF8')
             FROM unnest($1::uuid[], $2::text[]) AS x (id, zap)`,
    waiting: 'SELECT count(*) AS n FROM zap_run_outbox WHERE id = ANY ($1)',
    start: async () => {
      await up();
      await release();
      const env = { DATABASE_URL: databaseUrl(config, 'cleanup'), ...kafkaEnv(config, 'cleanup') };
      const own = { ACK_GROUPS: '', GRACE_SECONDS: '0', METRICS_PORT: String(config.CLEANUP_METRICS_PORT) };
      cleanup ??= spawn(process.execPath, ['--import', 'tsx', 'cleanup/main.ts'], {
        env: { ...process.env, ...env, ...own },
        stdio: 'ignore',
      });
    },
    hold: async () => {
      await api.pause(CONNECTOR_NAME);
      await rests(CONNECTOR_NAME);
    },
    release,
    kill,
    stop: async () => {
      const running = cleanup;
      cleanup = undefined;
      if (running !== undefined) {
        const ended = new Promise((resolve) => running.once('exit', resolve));
        running.kill('SIGTERM');
        await ended;
      }
      await order(config.dir, 'stop', ['connect']);
    },
    pids: async () => [await pid(), ...(cleanup?.pid === undefined ? [] : [cleanup.pid])],
    log: () => '',
  };
}

/** Debezium with default settings on the same worker, whose own connector is paused meanwhile. */
export function debezium(config: StackConfig, pool: pg.Pool): Contestant {
  const { api, pid, up, kill, runs, rests } = worker(config, pool);
  // A new one each time: the worker keeps the position of a deleted connector.
  let connector: string | undefined;
  const running = () => connector ?? '';
  return {
    name: 'debezium',
    title: 'Debezium with default settings',
    version: 'debezium-connector-postgres 3.7.0.Final, Kafka Connect 4.3.1',
    topic: DEBEZIUM_TOPIC,
    insert: debeziumTable.insert,
    start: async () => {
      if (connector !== undefined) return;
      await pool.query(debeziumTable.make);
      const grants = [DEBEZIUM_TOPIC, MESSAGE_TOPIC].map((name) =>
        aclOf({ service: 'connect', resource: 'TOPIC', name, prefixed: false, operation: 'WRITE' }),
      );
      await withAdmin(kafkaFor(config, 'admin'), async (admin) => {
        await changeAcls(admin, grants, []);
        await admin.createTopics({ topics: [{ topic: MESSAGE_TOPIC, numPartitions: 1 }], waitForLeaders: true });
      });
      await up();
      await api.pause(CONNECTOR_NAME);
      await rests(CONNECTOR_NAME);
      connector = `peer-debezium-${Date.now()}`;
      await api.put(connector, debeziumConfig(config));
      await runs(connector, 'debezium');
    },
    hold: async () => {
      await api.pause(running());
      await rests(running());
    },
    release: async () => {
      await api.resume(running());
      await runs(running(), 'debezium');
    },
    kill,
    stop: async () => {
      if (connector !== undefined) await askService(connectService(connectFor(config)), `/connectors/${connector}`, { method: 'DELETE' });
      connector = undefined;
      const free = async () =>
        (await pool.query(`SELECT 1 FROM pg_replication_slots WHERE slot_name = 'debezium' AND active`)).rowCount === 0;
      await until('the slot of Debezium is free', free, 30_000);
      await pool.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'debezium'`);
      await pool.query('DROP PUBLICATION IF EXISTS dbz_publication');
      await order(config.dir, 'stop', ['connect']);
    },
    pids: async () => [await pid()],
    log: () => '',
  };
}
