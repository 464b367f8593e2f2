import { createRequire } from 'node:module';
import type pg from 'pg';
import { databaseUrl, type StackConfig } from '../../stack/config.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { until } from '../rows.ts';
import { nodeRelay, type Contestant } from './relay.ts';
import { transactionalOutboxTable, tutorialTable } from './tables.ts';

const installed = createRequire(import.meta.url);
const versionOf = (name: string) => (installed(`./relays/node_modules/${name}/package.json`) as { version: string }).version;

/** The SQL that pg-transactional-outbox gives for its setup. */
interface DatabaseSetup {
  dropAndCreateTable: (config: object) => string;
  setupReplicationCore: (config: object) => string;
  createPollingFunction: (config: object) => string;
  setupPollingIndexes: (config: object) => string;
}

/** The relays that are programs of Node, each alone on its own table. */
export function nodeRelays(config: StackConfig, pool: pg.Pool): Contestant[] {
  const relay = (
    about: Pick<Contestant, 'name' | 'title' | 'version'> & { file: string; env?: Record<string, string> },
    table: Pick<Contestant, 'insert' | 'waiting'>,
    make: () => Promise<void>,
  ): Contestant => {
    const { file, env, ...named } = about;
    const topic = `peer.${about.name}`;
    const given = { DATABASE_URL: databaseUrl(config, 'postgres'), TOPIC: topic, ...kafkaEnv(config, 'admin'), ...env };
    const { run, end, pids, log } = nodeRelay(file, `${config.dir}/logs`, topic, given);
    return {
      ...named,
      ...{ topic, ...table, pids, log },
      start: async () => {
        await make();
        run();
      },
      hold: () => end('SIGTERM'),
      release: async () => run(),
      kill: async () => {
        await end('SIGKILL');
        run();
      },
      stop: () => end('SIGTERM'),
    };
  };
  const sql = (text: string) => async (): Promise<void> => {
    await pool.query(text);
  };

  const { polled, streamed, slot } = transactionalOutbox();
  // A slot that nobody reads would keep all WAL of the other measurements.
  const dropSlot = async () => {
    await pool.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot]);
    const inUse = async () => (await pool.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot])).rowCount;
    await until(`the slot ${slot} is free`, async () => (await inUse()) === 0, 15_000);
    await pool.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [slot]);
  };
  const tutorial = `findMany, send, deleteMany; @prisma/client ${versionOf('@prisma/client')}, kafkajs ${versionOf('kafkajs')}`;
  const transactional = `pg-transactional-outbox ${versionOf('pg-transactional-outbox')}`;
  const replicating = relay(
    {
      name: 'transactional-replication',
      title: 'pg-transactional-outbox, replication',
      version: transactional,
      file: 'pg-transactional-outbox.js',
      env: { MODE: 'replication' },
    },
    streamed,
    async () => {
      await dropSlot();
      await pool.query(streamed.make);
      await pool.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
    },
  );
  return [
    relay(
      { name: 'tutorial', title: "a tutorial's polling relay", version: tutorial, file: 'tutorial.js' },
      tutorialTable,
      sql(tutorialTable.make),
    ),
    relay(
      { name: 'tutorial-500', title: 'the same, 500 rows at a time', version: tutorial, file: 'tutorial.js', env: { TAKE: '500' } },
      tutorialTable,
      sql(tutorialTable.make),
    ),
    relay(
      {
        name: 'transactional-polling',
        title: 'pg-transactional-outbox, polling',
        version: transactional,
        file: 'pg-transactional-outbox.js',
        env: { MODE: 'polling' },
      },
      polled,
      sql(polled.make),
    ),
    {
      ...replicating,
      stop: async () => {
        await replicating.stop();
        await dropSlot();
      },
    },
  ];
}

/** The tables of pg-transactional-outbox, and what its replication mode reads. */
function transactionalOutbox() {
  const { DatabaseSetup: setup } = installed('./relays/node_modules/pg-transactional-outbox') as { DatabaseSetup: DatabaseSetup };
  const names = { outboxOrInbox: 'outbox', database: 'outbox', schema: 'public', table: 'outbox', listenerRole: 'postgres' };
  const slot = 'pg_transactional_outbox_slot';
  const replication = { ...names, publication: 'pg_transactional_outbox_pub', replicationSlot: slot };
  const polling = { ...names, nextMessagesSchema: 'public', nextMessagesName: 'next_outbox_messages' };
  const table = setup.dropAndCreateTable(names);
  return {
    polled: transactionalOutboxTable(table + setup.createPollingFunction(polling) + setup.setupPollingIndexes(polling)),
    streamed: transactionalOutboxTable(table + setup.setupReplicationCore(replication)),
    slot,
  };
}
