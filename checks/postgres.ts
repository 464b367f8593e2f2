import type { Pool } from 'pg';
import type { ConnectorConfig } from '../kit/connect-api.ts';
import { isSameFilter, type Shard } from '../contract/shards.ts';
import { check, type Check, type Fault } from './check.ts';

const needs = ['postgres'] as const;

/** The first row of a query that always has one. */
async function one<T extends object>(pool: Pool, sql: string, values: unknown[] = []): Promise<T> {
  const { rows } = await pool.query<T>(sql, values);
  const [row] = rows;
  if (row === undefined) throw new Error('the query has no answer');
  return row;
}

const settings = async <Name extends string>(pool: Pool, ...names: Name[]): Promise<Record<Name, string>> => {
  const { values } = await one<{ values: Record<Name, string> }>(
    pool,
    'SELECT json_object_agg(name, current_setting(name)) AS values FROM unnest($1::text[]) AS name',
    [names],
  );
  return values;
};

export const encoding = check({
  code: 'DATABASE_ENCODING',
  grade: 'broken',
  why: 'A webhook with a character that the encoding lacks cannot be stored, and is refused each time.',
  needs,
  read: ({ pool }) => settings(pool, 'server_encoding'),
  evaluate: ({ server_encoding: name }) =>
    name === 'UTF8'
      ? undefined
      : {
          found: `the database has the encoding ${name}`,
          remedy: "Move to one made with: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
        },
});

export const walLevel = check({
  code: 'WAL_LEVEL',
  grade: 'broken',
  why: 'Without logical WAL the connector has nothing to stream.',
  needs,
  read: ({ pool }) => settings(pool, 'wal_level'),
  evaluate: ({ wal_level: level }) =>
    level === 'logical' ? undefined : { found: `wal_level is ${level}`, remedy: "Set wal_level = 'logical' and restart Postgres." },
});

const durability = check({
  code: 'DURABILITY',
  grade: 'unsafe',
  why: 'A 200 means that the row is on disk. With one of these off, a crash of the machine loses accepted webhooks.',
  needs,
  read: ({ pool }) => settings(pool, 'fsync', 'full_page_writes', 'synchronous_commit'),
  evaluate: (values) => {
    const off = Object.entries(values).filter(([, value]) => value === 'off');
    if (off.length === 0) return undefined;
    const names = off.map(([name]) => name);
    return { found: `${names.join(', ')} off`, remedy: `Switch on in postgresql.conf, then SELECT pg_reload_conf(): ${names.join(', ')}` };
  },
});

const walBound = check({
  code: 'WAL_UNBOUNDED',
  grade: 'weak',
  why: 'A slot that nobody reads holds WAL until the disk is full and Postgres stops. The outbox survives a lost slot, but not a full disk.',
  needs,
  read: ({ pool }) => settings(pool, 'max_slot_wal_keep_size'),
  evaluate: ({ max_slot_wal_keep_size: size }) =>
    size === '-1' ? { found: 'max_slot_wal_keep_size has no limit', remedy: 'Set it, for example to 4GB, and reload.' } : undefined,
});

export const migrations = check({
  code: 'MIGRATIONS',
  grade: 'broken',
  why: 'The services and the connector read and write these tables.',
  needs,
  read: async ({ pool }) => {
    const { rows } = await pool.query<{ missing: string }>(
      `SELECT name AS missing FROM unnest($1::text[]) AS name WHERE to_regclass('public.' || name) IS NULL`,
      [['zap_run', 'zap_run_outbox', 'event_schema', 'outbox_dead', 'cleanup_state', 'cleanup_partition', 'connector_state']],
    );
    return rows.map(({ missing }) => missing);
  },
  evaluate: (missing) =>
    missing.length === 0
      ? undefined
      : { found: `tables are missing: ${missing.join(', ')}`, remedy: 'Apply the migrations: npm run migrate' },
});

interface Guard {
  trigger: boolean;
  checks: number;
}

const outboxGuard = check({
  code: 'OUTBOX_GUARD',
  grade: 'broken',
  why: 'What cannot be published must not be committed: an UPDATE would be lost silently, and a row that is too large would stop all events.',
  needs,
  read: ({ pool }) =>
    one<Guard>(
      pool,
      `SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('public.zap_run_outbox')
                         AND tgname = 'zap_run_outbox_no_update' AND tgenabled IN ('O', 'A')) AS trigger,
              (SELECT count(*) FROM pg_constraint WHERE conrelid = to_regclass('public.zap_run_outbox') AND contype = 'c'
                  AND conname = ANY (ARRAY['zap_run_outbox_aggregatetype_check', 'zap_run_outbox_aggregateid_check', 'zap_run_outbox_type_check',
                                           'zap_run_outbox_traceparent_check', 'zap_run_outbox_payload_check']))::int AS checks`,
    ),
  evaluate: ({ trigger, checks }) =>
    trigger && checks === 5
      ? undefined
      : {
          found: `zap_run_outbox has ${checks} of 5 CHECKs, and its trigger against UPDATE is ${trigger ? 'on' : 'off'}`,
          remedy:
            'As the owner: ALTER TABLE zap_run_outbox ENABLE TRIGGER zap_run_outbox_no_update; and add the CHECKs of prisma/migrations/20261101000000_create_tables.',
        },
});

/** The contents of a publication. */
export interface Publication {
  oid: number;
  insertsOnly: boolean;
  /** Whether it also publishes all tables, or all of a schema. */
  more: boolean;
  /** `filter`: SQL, null for every row. */
  tables: { name: string; filter: string | null; columns: boolean }[];
}

// From the catalog, as the view pg_publication_tables hides tables that the reader has no right to see.
const PUBLICATION = `
  SELECT p.oid::int8 AS oid, p.pubinsert AND NOT p.pubupdate AND NOT p.pubdelete AND NOT p.pubtruncate AS inserts_only,
         p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace WHERE pnpubid = p.oid) AS more,
         (SELECT coalesce(json_agg(json_build_object('name', n.nspname || '.' || c.relname, 'filter', pg_get_expr(r.prqual, r.prrelid), 'columns', r.prattrs IS NULL)), '[]')
            FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE r.prpubid = p.oid) AS tables
    FROM pg_catalog.pg_publication p WHERE p.pubname = $1`;

/** @returns undefined when no publication has the name */
export async function readPublication(pool: Pool, name: string | undefined): Promise<Publication | undefined> {
  type Row = { oid: string; inserts_only: boolean; more: boolean; tables: Publication['tables'] };
  const { rows } = await pool.query<Row>(PUBLICATION, [name]);
  const row = rows[0];
  return row && { oid: Number(row.oid), insertsOnly: row.inserts_only, more: row.more, tables: row.tables };
}

/** Shared by doctor and watchdog: a publication must have the outbox with all its rows and columns, inserts only, and nothing else. */
export function evaluatePublication(
  found: Publication | undefined,
  connector: ConnectorConfig,
  shard: Pick<Shard, 'filter'>,
): Fault | undefined {
  const [name, wanted] = [connector['publication.name'], connector['table.include.list']];
  const remedy = `The watchdog restores it within seconds (npm run watch). By hand, as a member of outbox_operator: SELECT outbox_restore_publication(${shard.filter === undefined ? '' : `'${name}'`});`;
  if (found === undefined) return { found: `the publication ${name} does not exist`, remedy };
  const faults = [
    ...(found.insertsOnly ? [] : ['more than inserts']),
    ...(found.more ? ['all tables, or all of a schema'] : []),
    ...(found.tables.some((table) => table.name === wanted) ? [] : [`not ${wanted}`]),
    ...found.tables.flatMap((table) => [
      ...(table.name === wanted ? [] : [`${table.name} too`]),
      ...(isSameFilter(table.filter ?? undefined, shard.filter) ? [] : [filterFault(table, shard)]),
      ...(table.columns ? [] : [`only some columns of ${table.name}`]),
    ]),
  ];
  return faults.length === 0 ? undefined : { found: `publication ${name} publishes ${faults.join(', ')}`, remedy };
}

const filterFault = ({ name, filter }: { name: string; filter: string | null }, shard: Pick<Shard, 'filter'>) =>
  shard.filter === undefined ? `only some rows of ${name}` : `other rows of ${name} than those of its shard (${filter ?? 'all'})`;

export const publication = check({
  code: 'PUBLICATION',
  grade: 'broken',
  why: 'It decides what is streamed. Without the outbox, or with only some of its rows or columns, events are missing. With more in it, the router receives records that it cannot route.',
  needs,
  read: ({ pool, connector }) => readPublication(pool, connector['publication.name']),
  evaluate: (found, { connector, shard }) => evaluatePublication(found, connector, shard),
});

interface SlotRoom {
  used: number;
  room: number;
  ours: number;
}

export const slotRoom = check({
  code: 'SLOT_ROOM',
  grade: 'broken',
  why: 'The connector needs a replication slot.',
  needs,
  read: ({ pool, shards }) =>
    one<SlotRoom>(
      pool,
      `SELECT count(*)::int AS used, current_setting('max_replication_slots')::int AS room,
              (count(*) FILTER (WHERE slot_name = ANY ($1)))::int AS ours
       FROM pg_replication_slots`,
      [shards.map(({ slot }) => slot)],
    ),
  evaluate: ({ used, room, ours }, { shards }) =>
    used + shards.length - ours <= room
      ? undefined
      : {
          found:
            shards.length === 1
              ? `all ${room} replication slots are taken`
              : `${used - ours} of ${room} replication slots are taken, and ${shards.length} shards need ${shards.length}`,
          remedy: 'Raise max_replication_slots (and max_wal_senders) and restart Postgres, or drop a slot that nobody uses.',
        },
});

interface CdcLogin {
  replication: boolean;
  member: boolean;
}

export const cdcLogin = check({
  code: 'CDC_LOGIN',
  grade: 'broken',
  why: 'The connector logs in as it, reads the outbox and streams from the slot.',
  needs,
  read: async ({ pool, cdcUser }) => {
    const { rows } = await pool.query<CdcLogin>(
      `SELECT rolreplication AND rolcanlogin AS replication, pg_has_role(oid, 'outbox_cdc', 'USAGE') AS member
       FROM pg_roles WHERE rolname = $1`,
      [cdcUser],
    );
    return rows[0];
  },
  evaluate: (login, { cdcUser }) => {
    if (login?.replication === true && login.member) return undefined;
    const found =
      login === undefined
        ? `no login ${cdcUser}`
        : `${cdcUser} has REPLICATION and LOGIN: ${login.replication}, is a member of outbox_cdc: ${login.member}`;
    return { found, remedy: `As an administrator: ALTER ROLE "${cdcUser}" LOGIN REPLICATION; GRANT outbox_cdc TO "${cdcUser}";` };
  },
});

/** In the order in which a finding explains those after it. */
export const postgresChecks: readonly Check[] = [encoding, walLevel, durability, walBound, migrations, outboxGuard, slotRoom, cdcLogin];
