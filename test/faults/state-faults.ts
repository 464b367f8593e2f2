import pg from 'pg';
import { askService, connectService } from '../../kit/http-login.ts';
import { databaseUrl, type Login } from '../../stack/config.ts';
import { copyNames } from '../../stack/copies.ts';
import { connectFor } from '../../stack/http-logins.ts';
import { waitFor } from '../support/wait-for.ts';
import { deleteGroups, deleteTopic } from './kafka.ts';
import type { Fault } from './fault.ts';
import type { World } from './world.ts';

// Faults of the state in Postgres, Kafka and Connect, as an operator's mistake or a lost disk causes them.

const SLOT = 'zap_run_outbox';
const CONNECTOR = 'zap-run-outbox';
const nothing = async () => undefined;
const asSuperuser = (world: World, sql: string, values: unknown[] = []) => world.query(sql, values, 'postgres');

/** Ends the slot's reader and acts on the slot before the reader is back. */
async function onSlot(world: World, sql: string): Promise<void> {
  await waitFor(
    'the slot is free for a moment',
    async () => {
      await asSuperuser(world, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${SLOT}' AND active`);
      await asSuperuser(world, sql);
      return true;
    },
    60_000,
  );
}

const plain = (name: string, inject: (world: World) => Promise<unknown>): Fault => ({
  name,
  parts: [''],
  holdMs: [0, 0],
  inject: async (world) => {
    // Postgres may be starting after another fault.
    await waitFor(
      name,
      async () => {
        await inject(world);
        return true;
      },
      60_000,
    );
    return nothing;
  },
});

export const stateFaults: Fault[] = [
  plain('slot dropped', (world) => onSlot(world, `SELECT pg_drop_replication_slot('${SLOT}')`)),
  // Unpublished rows are skipped, because the slot confirms them.
  plain('slot advanced', (world) => onSlot(world, `SELECT pg_replication_slot_advance('${SLOT}', pg_current_wal_lsn())`)),
  {
    // The reader is away until its WAL is gone.
    name: 'slot lost',
    parts: [''],
    holdMs: [0, 0],
    inject: async (world) => {
      const workers = copyNames(world.config, 'connect');
      await world.supervisor.stop(workers);
      await asSuperuser(world, `ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'`);
      await asSuperuser(world, 'SELECT pg_reload_conf()');
      await waitFor(
        'the slot is lost',
        async () => {
          await asSuperuser(world, `SELECT pg_logical_emit_message(false, 'filler', repeat('x', 8000000)), pg_switch_wal()`);
          await asSuperuser(world, 'CHECKPOINT');
          const [slot] = await world.query<{ lost: boolean }>(
            `SELECT wal_status = 'lost' AS lost FROM pg_replication_slots WHERE slot_name = '${SLOT}'`,
          );
          return slot?.lost === true;
        },
        60_000,
      );
      return async () => {
        await asSuperuser(world, 'ALTER SYSTEM RESET max_slot_wal_keep_size');
        await asSuperuser(world, 'SELECT pg_reload_conf()');
        world.supervisor.start(workers);
      };
    },
  },
  plain('publication dropped', (world) => world.query(`DROP PUBLICATION IF EXISTS ${SLOT}`)),
  plain('publication emptied', (world) => world.query(`ALTER PUBLICATION ${SLOT} SET (publish = 'update')`)),
  plain('connector deleted', async (world) => {
    const connect = connectService(connectFor(world.config));
    await askService(connect, `/connectors/${CONNECTOR}`, { method: 'DELETE', signal: AbortSignal.timeout(20_000) });
  }),
  plain('connections ended', async (world) => {
    await asSuperuser(world, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outbox' AND pid <> pg_backend_pid()`);
  }),
  {
    // Only the few connections for superusers are left.
    name: 'connections used up',
    parts: [''],
    holdMs: [2000, 8000],
    inject: async (world) => {
      const held: pg.Client[] = [];
      for (let full = false; !full && held.length < 200;) {
        const client = new pg.Client({ connectionString: databaseUrl(world.config, 'registry', 'registry') });
        client.on('error', () => undefined);
        full = await client.connect().then(
          () => false,
          () => true,
        );
        if (!full) held.push(client);
      }
      return async () => {
        await Promise.allSettled(held.map((client) => client.end()));
      };
    },
  },
  {
    name: 'outbox locked',
    parts: [''],
    holdMs: [1000, 6000],
    inject: async (world) => {
      const client = new pg.Client({ connectionString: databaseUrl(world.config, 'outbox_owner') });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('BEGIN');
      await client.query('LOCK TABLE zap_run_outbox IN ACCESS EXCLUSIVE MODE');
      return () => client.end().catch(() => undefined);
    },
  },
  {
    // Events that were committed late: their ids and places in the sequence are older than those of many published ones.
    name: 'commit held up',
    parts: [''],
    holdMs: [3000, 6000],
    inject: async (world) => {
      // The backend that wrote last gets the next group, and stands still: its group waits until ingest gives up on the
      // connection and writes it on another, long after younger groups.
      const [backend] = (await asSuperuser(
        world,
        `SELECT pid FROM pg_stat_activity WHERE usename = 'ingest' AND query LIKE '%INSERT INTO zap_run%' ORDER BY state_change DESC LIMIT 1`,
      )) as { pid: number }[];
      if (backend === undefined) return nothing;
      process.kill(backend.pid, 'SIGSTOP');
      return async () => void process.kill(backend.pid, 'SIGCONT');
    },
  },
  {
    name: 'groups deleted',
    parts: ['outbox-cleanup', 'consumers-example', 'actions'],
    holdMs: [0, 0],
    inject: async (world, group) => {
      const part = { 'outbox-cleanup': 'cleanup', 'consumers-example': 'consumer', actions: 'actions' }[group] ?? '';
      const members = copyNames(world.config, part);
      await world.supervisor.stop(members);
      await waitFor('the group is deleted', () => deleteGroups(world.config, [group]), 60_000);
      return async () => world.supervisor.start(members);
    },
  },
  {
    // The deployment changed it before the service knows: no new connections, and the existing ones are gone.
    name: 'password changed',
    parts: ['ingest', 'cdc', 'cleanup', 'actions', 'operator'],
    holdMs: [2000, 8000],
    inject: async (world, login) => {
      const change = (password: string) => asSuperuser(world, `ALTER ROLE ${login} PASSWORD '${password}'`);
      await change('another');
      await asSuperuser(world, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [login]);
      return async () => {
        await waitFor('the password is back', () => change(world.config.secrets[login as Login]), 60_000);
      };
    },
  },
  {
    // Connect's stored position.
    name: 'offsets deleted',
    parts: [''],
    holdMs: [0, 0],
    inject: async (world) => {
      const workers = copyNames(world.config, 'connect');
      await world.supervisor.stop(workers);
      await waitFor('the topic is deleted', () => deleteTopic(world.config, 'outbox-connect.offsets'), 60_000);
      return async () => world.supervisor.start(workers);
    },
  },
  {
    // Drops what is larger than a few kilobytes without an error, until the file's configuration is active again.
    name: 'connector edited',
    parts: [''],
    holdMs: [3000, 8000],
    inject: async (world) => {
      const connect = connectService(connectFor(world.config));
      const path = `/connectors/${CONNECTOR}/config`;
      const put = async (config: object) => {
        const headers = { 'content-type': 'application/json' };
        const request = { method: 'PUT', headers, body: JSON.stringify(config), signal: AbortSignal.timeout(20_000) };
        return (await askService(connect, path, request)).ok;
      };
      const original = (await waitFor('the configuration', async () => (await askService(connect, path)).json(), 60_000)) as Record<
        string,
        string
      >;
      await put({ ...original, 'errors.tolerance': 'all', 'producer.override.max.request.size': '10000' });
      return async () => {
        await waitFor('the configuration is as it was', () => put(original), 60_000);
      };
    },
  },
];
