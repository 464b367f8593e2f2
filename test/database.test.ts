import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyMigrations, schemaScript } from '../prisma/schema-engine.ts';
import { databaseUrl, type Login } from '../stack/config.ts';
import { describeDatabase, insertion, outcome, rolledBack, withClient, withScratchDatabase } from './support/catalog.ts';
import { checks, rows } from './support/constraints.ts';
import { uniqueName } from './support/names.ts';
import { config, query } from './support/stack.ts';

const folders = readdirSync('prisma/migrations', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

/** Runs `npm run migrate` in its own process. */
async function migrate(url: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: url };
    const child = execFile(process.execPath, ['--import', 'tsx', 'prisma/migrate.ts'], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

describe('the migrations', () => {
  it('create the tables that schema.prisma describes', async () => {
    const migrated = await withScratchDatabase(async (url) => {
      await applyMigrations(url);
      return describeDatabase(url);
    });
    const described = await withScratchDatabase(async (url) => {
      const script = await schemaScript(url);
      await withClient(url, (client) => client.query(script));
      return describeDatabase(url);
    });
    expect(migrated).toEqual(described);
    // Two empty databases would be equal too.
    expect([...new Set(migrated.columns.map(({ table }) => table))]).toEqual([
      'cleanup_partition',
      'cleanup_state',
      'connector_state',
      'event_schema',
      'outbox_dead',
      'zap_run',
      'zap_run_outbox',
    ]);
    const seq = migrated.columns.find(({ table, column }) => table === 'zap_run_outbox' && column === 'seq');
    expect(seq).toMatchObject({ type: 'bigint', required: true, default: 'generated' });
    expect(migrated.indexes.map(({ table, primary, unique, columns }) => [table, primary, unique, columns])).toEqual([
      ['cleanup_partition', true, true, ['topic', 'partition']],
      ['cleanup_state', true, true, ['topic']],
      ['connector_state', true, true, ['connector']],
      ['event_schema', true, true, ['subject', 'fingerprint']],
      ['outbox_dead', true, true, ['id']],
      ['zap_run', true, true, ['id']],
      ['zap_run', false, true, ['user_id', 'zap_id', 'idempotency_key']],
      ['zap_run_outbox', true, true, ['id']],
    ]);
  });

  it('are applied once: a second run does nothing', async () => {
    await withScratchDatabase(async (url) => {
      expect(await applyMigrations(url)).toEqual(folders);
      expect(await applyMigrations(url)).toEqual([]);
    });
    expect(await applyMigrations(databaseUrl(config, 'outbox_owner'))).toEqual([]);
  });

  it('leave one finished row per folder in _prisma_migrations', async () => {
    const found = await query(
      `SELECT migration_name, finished_at IS NOT NULL AS finished, rolled_back_at, logs FROM _prisma_migrations ORDER BY migration_name`,
    );
    expect(found).toEqual(folders.map((name) => ({ migration_name: name, finished: true, rolled_back_at: null, logs: null })));
  });

  it('report a wrong password as the cause, and do not print it', async () => {
    const wrong = uniqueName('wrong');
    const { code, stdout, stderr } = await migrate(databaseUrl(config, 'outbox_owner').replace(config.secrets.outbox_owner, wrong));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^POSTGRES_LOGIN: .*password authentication failed for user "outbox_owner"/);
    expect(stdout + stderr).not.toContain(wrong);
  });

  it('report which of them Postgres refused and why, and leave none of them half applied', async () => {
    await withScratchDatabase(async (url) => {
      // The last statement of the second migration conflicts with it.
      await withClient(url, (client) => client.query('CREATE PUBLICATION zap_run_outbox'));
      const { code, stdout, stderr } = await migrate(url);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^MIGRATION_FAILED: /);
      expect(stderr).toContain('20261101000100_guard_outbox');
      expect(stderr).toContain('publication "zap_run_outbox" already exists');
      expect(stderr).not.toContain(config.secrets.outbox_owner);
      const left = await withClient(url, (client) =>
        client.query(`SELECT relname, relhastriggers, reloptions, to_regproc('zap_run_outbox_refuse_update') AS function
          FROM pg_class WHERE relname = 'zap_run_outbox'`),
      );
      expect(left.rows).toEqual([{ relname: 'zap_run_outbox', relhastriggers: false, reloptions: null, function: null }]);
    });
  });
});

describe('the CHECKs', () => {
  it('are these, all validated', async () => {
    const found = await query(`
      SELECT conname AS constraint, conrelid::regclass::text AS table, convalidated AS validated FROM pg_constraint
       WHERE contype = 'c' AND connamespace = 'public'::regnamespace ORDER BY conname`);
    const expected = checks.map(({ constraint, table }) => ({ constraint, table, validated: true }));
    expect(found).toEqual(expected.sort((a, b) => (a.constraint < b.constraint ? -1 : 1)));
  });

  it.each(checks)('$constraint accepts values at its bounds and refuses values beyond them', async (check) => {
    const { constraint, table, column, refused, accepted } = check;
    await rolledBack('outbox_owner', async (client) => {
      const expectEach = async (values: unknown[], expected: string) => {
        for (const value of values) {
          const shown = Buffer.isBuffer(value) ? `${value.length} bytes` : value;
          const said = await outcome(client, ...insertion(table, { ...rows[table](), [column]: value }));
          expect([shown, said]).toEqual([shown, expected]);
        }
      };
      await expectEach(refused, `23514 ${constraint}`);
      await expectEach(accepted, 'accepted');
    });
  });

  it('include a unique idempotency key per zap, which does not apply to runs without a key', async () => {
    await rolledBack('outbox_owner', async (client) => {
      const ids = { user_id: uniqueName('user'), zap_id: uniqueName('zap') };
      const row = (idempotency_key: string | null) => insertion('zap_run', { ...rows.zap_run(), ...ids, idempotency_key });
      await client.query(...row('k'));
      await client.query(...row(null));
      expect(await outcome(client, ...row('k'))).toBe('23505 zap_run_user_id_zap_id_idempotency_key_key');
      expect(await outcome(client, ...row('K'))).toBe('accepted');
      expect(await outcome(client, ...row(null))).toBe('accepted');
    });
  });
});

describe('the outbox', () => {
  const updates = {
    'of a row': `UPDATE zap_run_outbox SET resends = resends + 1 WHERE id = $1`,
    'that meets no row': `UPDATE zap_run_outbox SET resends = 1 WHERE id = $1 AND false`,
    'by way of ON CONFLICT': `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
      VALUES ($1, 'zap-run', 'u/z', 'Z', '\\x000000000100') ON CONFLICT (id) DO UPDATE SET resends = 1`,
    'by way of MERGE': `MERGE INTO zap_run_outbox o USING (SELECT $1::uuid AS id) w ON o.id = w.id
      WHEN MATCHED THEN UPDATE SET resends = 1`,
  };
  it.each(Object.entries(updates))('refuses an UPDATE %s, even by its owner or a superuser', async (_how, update) => {
    for (const login of ['outbox_owner', 'postgres'] as const)
      await rolledBack(login, async (client) => {
        const row = rows.zap_run_outbox();
        await client.query(...insertion('zap_run_outbox', row));
        expect([login, await outcome(client, update, [row.id])]).toEqual([login, '23001']);
      });
  });

  it('is published alone, inserts only', async () => {
    const publications = await query(`
      SELECT pubname, puballtables AS "all", pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication`);
    expect(publications).toEqual([
      { pubname: 'zap_run_outbox', all: false, pubinsert: true, pubupdate: false, pubdelete: false, pubtruncate: false },
    ]);
    const tables = await query(`
      SELECT pubname, schemaname, tablename, rowfilter, array_length(attnames, 1) AS columns FROM pg_publication_tables`);
    expect(tables).toEqual([{ pubname: 'zap_run_outbox', schemaname: 'public', tablename: 'zap_run_outbox', rowfilter: null, columns: 9 }]);
  });

  it('is vacuumed as a queue, its TOAST table too', async () => {
    const [found] = await query<{ main: string[]; toast: string[] }>(`
      SELECT c.reloptions AS main, t.reloptions AS toast FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
       WHERE c.oid = 'zap_run_outbox'::regclass`);
    expect(found?.main.sort()).toEqual([
      'autovacuum_analyze_scale_factor=0',
      'autovacuum_analyze_threshold=50000',
      'autovacuum_vacuum_cost_delay=0',
      'autovacuum_vacuum_insert_scale_factor=0',
      'autovacuum_vacuum_insert_threshold=50000',
      'autovacuum_vacuum_scale_factor=0',
      'autovacuum_vacuum_threshold=5000',
      'vacuum_truncate=true',
    ]);
    expect(found?.toast.sort()).toEqual([
      'autovacuum_vacuum_cost_delay=0',
      'autovacuum_vacuum_scale_factor=0',
      'autovacuum_vacuum_threshold=5000',
      'vacuum_truncate=true',
    ]);
  });
});

const tables = [
  'zap_run',
  'zap_run_outbox',
  'event_schema',
  'outbox_dead',
  'cleanup_state',
  'cleanup_partition',
  'connector_state',
  '_prisma_migrations',
] as const;
const privileges = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'] as const;
const granted: Record<string, Partial<Record<(typeof tables)[number], (typeof privileges)[number][]>>> = {
  outbox_ingest: { zap_run: ['SELECT', 'INSERT'], event_schema: ['SELECT'] }, // On the outbox by column, see below.
  outbox_cdc: { zap_run_outbox: ['SELECT'] },
  outbox_cleanup: {
    zap_run_outbox: ['SELECT', 'DELETE'],
    outbox_dead: ['SELECT'],
    cleanup_state: ['SELECT', 'INSERT', 'UPDATE'],
    cleanup_partition: ['SELECT', 'INSERT', 'UPDATE'],
  },
  outbox_operator: {
    zap_run: ['SELECT'],
    zap_run_outbox: ['SELECT'],
    event_schema: ['SELECT', 'INSERT'],
    outbox_dead: ['SELECT'],
    cleanup_state: ['SELECT', 'DELETE'],
    cleanup_partition: ['SELECT', 'DELETE'],
    connector_state: ['SELECT', 'UPDATE'],
  },
};
const roles = Object.keys(granted);
const logins = ['ingest', 'cdc', 'cleanup', 'operator'] as const;

describe('the roles', () => {
  const grants = roles.flatMap((role) => tables.map((table) => ({ role, table, expected: granted[role]?.[table] ?? [] })));
  it.each(grants)('$role has on $table exactly: $expected', async ({ role, table, expected }) => {
    const found = await query<{ privilege: string }>(
      `SELECT privilege FROM unnest($3::text[]) WITH ORDINALITY AS p (privilege, position)
        WHERE has_table_privilege($1, $2, privilege) ORDER BY position`,
      [role, table, privileges],
    );
    expect(found.map(({ privilege }) => privilege)).toEqual(expected);
  });

  it('and the owner have all grants: none to PUBLIC, by column only for ingest and cleanup, none grantable, no TRUNCATE', async () => {
    const found = await query(
      `SELECT c.relname AS table, g.grantee::regrole::text AS role, string_agg(g.privilege_type, ' ') AS granted, bool_or(g.is_grantable) AS passes
         FROM pg_class c CROSS JOIN aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) g
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1) AND g.grantee <> c.relowner
          AND (g.grantee <> ALL ($2::regrole[]) OR g.privilege_type = 'TRUNCATE' OR g.is_grantable)
        GROUP BY 1, 2`,
      [tables, `{${roles.join(',')}}`],
    );
    expect(found).toEqual([]);
    const byColumn = await query(
      `SELECT attrelid::regclass::text AS table, string_agg(attname, ' ' ORDER BY attnum) AS columns, attacl::text AS granted
         FROM pg_attribute WHERE attrelid = ANY ($1::regclass[]) AND attacl IS NOT NULL GROUP BY attrelid, attacl::text ORDER BY 1`,
      [`{${tables.join(',')}}`],
    );
    const columns = 'id aggregatetype aggregateid type payload traceparent';
    expect(byColumn).toEqual([
      { table: 'connector_state', columns: 'connector', granted: '{outbox_cleanup=r/outbox_owner}' },
      { table: 'zap_run_outbox', columns, granted: '{outbox_ingest=a/outbox_owner}' },
    ]);
    const owners = await query(`SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class WHERE oid = ANY ($1::regclass[])`, [
      `{${tables.join(',')}}`,
    ]);
    expect(owners).toEqual([{ owner: 'outbox_owner' }]);
  });

  it('cannot log in and have no attributes', async () => {
    const found = await query(
      `SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)
          AND NOT (rolcanlogin OR rolsuper OR rolreplication OR rolcreaterole OR rolcreatedb OR rolbypassrls) ORDER BY rolname`,
      [roles],
    );
    expect(found.map(({ rolname }) => String(rolname))).toEqual(roles.toSorted());
  });

  it.each(logins)('are granted one by one: the login %s is a member of only its own', async (login) => {
    const found = await query(
      `SELECT roleid::regrole::text AS role, admin_option, inherit_option FROM pg_auth_members WHERE member = $1::regrole`,
      [login],
    );
    expect(found).toEqual([{ role: `outbox_${login}`, admin_option: false, inherit_option: true }]);
  });

  it('leave attributes to the logins: REPLICATION only to cdc, and no superuser', async () => {
    const all = [...logins, 'outbox_owner', 'registry'];
    const found = await query(
      `SELECT rolname AS login, rolcanlogin AS "logsIn", rolreplication AS replication FROM pg_roles
        WHERE rolname = ANY ($1) AND NOT (rolsuper OR rolbypassrls OR rolcreatedb) ORDER BY rolname`,
      [all],
    );
    const expected = all.map((login) => ({ login, logsIn: true, replication: login === 'cdc' }));
    expect(found).toEqual(expected.sort((a, b) => (a.login < b.login ? -1 : 1)));
  });
});

// Postgres checks permissions before it searches rows: `WHERE false` is refused too, and destroys nothing if it is not.
const read = 'SELECT FROM zap_run_outbox WHERE false';
const remove = 'DELETE FROM zap_run_outbox WHERE false';
const insert = `INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload)
  VALUES (gen_random_uuid(), 'zap-run', 'u/z', 'Z', '\\x000000000100')`;
const update = 'UPDATE zap_run_outbox SET resends = 1 WHERE false';
const truncate = 'TRUNCATE zap_run_outbox';
const may: Record<(typeof logins)[number], string[]> = { ingest: [insert], cdc: [read], cleanup: [read, remove], operator: [read] };

describe('the logins', () => {
  it.each(logins)('%s may do with the outbox what its role allows, and nothing else', async (login) => {
    await rolledBack(login, async (client) => {
      for (const sql of [read, insert, update, remove, truncate])
        expect([sql, await outcome(client, sql)]).toEqual([sql, may[login].includes(sql) ? 'accepted' : '42501']);
    });
  });

  it.each<[Login, string]>([
    ['cleanup', 'zap_run'],
    ['cdc', 'zap_run'],
    ['cleanup', 'event_schema'],
  ])('%s cannot read %s', async (login, table) => {
    expect(await rolledBack(login, (client) => outcome(client, `SELECT FROM ${table} WHERE false`))).toBe('42501');
  });
});
