import kafkajs, { type Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { MAX_EVENT_BYTES, RECORD_OVERHEAD_BYTES } from './config.ts';
import type { ConnectApi, ConnectorConfig } from './connect-api.ts';

/** A requirement that is not met: what was found and what to do. */
export interface Finding {
  code: string;
  found: string;
  remedy: string;
}

export interface Surroundings {
  pool: Pool;
  admin: Admin;
  connect: ConnectApi;
  connector: ConnectorConfig;
  cdcUser: string;
}

type Check = (around: Surroundings) => Promise<Finding | undefined>;

/**
 * Asks Postgres, Connect and Kafka for everything the connector needs. Nothing is changed.
 *
 * @returns every finding, empty when all is well; a check that could not be made is a finding too
 */
export async function preflight(around: Surroundings): Promise<Finding[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([code, check]) => {
      try {
        return await check(around);
      } catch (error) {
        const found = `could not be checked: ${error instanceof Error ? error.message : String(error)}`;
        return { code, found, remedy: 'See that Postgres, Kafka and Connect run and that the URLs in the settings are right.' };
      }
    }),
  );
  return results.filter((finding) => finding !== undefined);
}

const checks: Record<string, Check> = {
  WAL_LEVEL: async ({ pool }) => {
    const level = await setting(pool, 'wal_level');
    if (level === 'logical') return undefined;
    return { code: 'WAL_LEVEL', found: `wal_level is ${level}`, remedy: "Set wal_level = 'logical' and restart Postgres." };
  },

  MIGRATIONS: async ({ pool }) => {
    const { rows } = await pool.query<{ missing: string }>(
      `SELECT name AS missing FROM unnest(ARRAY['zap_run', 'zap_run_outbox', 'event_schema']) AS name
       WHERE to_regclass('public.' || name) IS NULL`,
    );
    if (rows.length === 0) return undefined;
    const found = `no table ${rows.map(({ missing }) => missing).join(', ')}`;
    return { code: 'MIGRATIONS', found, remedy: 'Apply the migrations: npm run migrate' };
  },

  PUBLICATION: async ({ pool, connector }) => {
    const name = connector['publication.name'];
    const { rows } = await pool.query<{ inserts_only: boolean; tables: string[] }>(
      `SELECT p.pubinsert AND NOT p.pubupdate AND NOT p.pubdelete AND NOT p.pubtruncate AS inserts_only,
              ARRAY(SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = p.pubname) AS tables
       FROM pg_publication p WHERE p.pubname = $1`,
      [name],
    );
    const publication = rows[0];
    const remedy =
      `As the owner: DROP PUBLICATION IF EXISTS ${name}; ` +
      `CREATE PUBLICATION ${name} FOR TABLE zap_run_outbox WITH (publish = 'insert');`;
    if (publication === undefined) return { code: 'PUBLICATION', found: `no publication ${name}`, remedy };
    if (publication.tables.join() !== 'public.zap_run_outbox' || !publication.inserts_only) {
      const found = `publication ${name} publishes ${publication.tables.join(', ') || 'no table'}, inserts only: ${publication.inserts_only}`;
      return { code: 'PUBLICATION', found, remedy };
    }
    return undefined;
  },

  SLOT_ROOM: async ({ pool, connector }) => {
    const { rows } = await pool.query<{ used: number; room: number; ours: boolean }>(
      `SELECT count(*)::int AS used, current_setting('max_replication_slots')::int AS room,
              coalesce(bool_or(slot_name = $1), false) AS ours
       FROM pg_replication_slots`,
      [connector['slot.name']],
    );
    const slots = rows[0];
    if (slots === undefined || slots.ours || slots.used < slots.room) return undefined;
    return {
      code: 'SLOT_ROOM',
      found: `all ${slots.room} replication slots are taken`,
      remedy: 'Raise max_replication_slots (and max_wal_senders) and restart Postgres, or drop a slot that nobody uses.',
    };
  },

  CDC_LOGIN: async ({ pool, cdcUser }) => {
    const { rows } = await pool.query<{ replication: boolean; member: boolean }>(
      `SELECT rolreplication AND rolcanlogin AS replication, pg_has_role(oid, 'outbox_cdc', 'USAGE') AS member
       FROM pg_roles WHERE rolname = $1`,
      [cdcUser],
    );
    const login = rows[0];
    if (login?.replication === true && login.member) return undefined;
    const found =
      login === undefined
        ? `no login ${cdcUser}`
        : `${cdcUser} has REPLICATION and LOGIN: ${login.replication}, is a member of outbox_cdc: ${login.member}`;
    return {
      code: 'CDC_LOGIN',
      found,
      remedy: `As an administrator: ALTER ROLE "${cdcUser}" LOGIN REPLICATION; GRANT outbox_cdc TO "${cdcUser}";`,
    };
  },

  CONNECT_PLUGIN: async ({ connect, connector }) => {
    const plugins = await connect.plugins();
    const plugin = plugins.find((candidate) => candidate.class === connector['connector.class']);
    const [major = 0, minor = 0] = (plugin?.version ?? '').split('.').map(Number);
    if (plugin !== undefined && (major > 3 || (major === 3 && minor >= 7))) return undefined;
    return {
      code: 'CONNECT_PLUGIN',
      found:
        plugin === undefined
          ? 'Connect has no Debezium Postgres connector'
          : `Debezium ${plugin.version}, which can lose events on a restart`,
      remedy: 'Put Debezium 3.7.0.Final or newer into plugin.path (connect/pom.xml fetches it) and restart Connect.',
    };
  },

  RECORD_SIZE: async ({ admin, connector }) => {
    const needed = MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES;
    const { controller, brokers } = await admin.describeCluster();
    const broker = String(controller ?? brokers[0]?.nodeId);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: broker, configNames: ['message.max.bytes'] }],
    });
    const limits = {
      'the broker (message.max.bytes)': Number(resources[0]?.configEntries[0]?.configValue),
      'the connector (producer.override.max.request.size)': Number(connector['producer.override.max.request.size'] ?? 1_048_576),
    };
    const low = Object.entries(limits).filter(([, limit]) => !(limit >= needed));
    if (low.length === 0) return undefined;
    return {
      code: 'RECORD_SIZE',
      found: low.map(([where, limit]) => `${where} takes ${limit} bytes`).join(', '),
      remedy: `An event may have ${MAX_EVENT_BYTES} bytes; a larger limit is needed, at least ${needed}: one refused record stops all events.`,
    };
  },
};

async function setting(pool: Pool, name: string): Promise<string> {
  const { rows } = await pool.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
  return rows[0]?.value ?? '';
}
