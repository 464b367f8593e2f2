import { execFile, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { poolTimeouts } from '../ingest/record-event.ts';
import { bounded } from '../kit/postgres.ts';
import { databaseUrl } from '../stack/config.ts';
import { withClient, withScratchDatabase } from './support/catalog.ts';
import { uniqueName } from './support/names.ts';
import { startIngest } from './support/own-ingest.ts';
import { config, query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Databases that were not made by us: with another encoding, foreign tables or settings, or an interrupted migration.

const folders = readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory());
const environment = (url: string, more: Record<string, string>) => ({ ...process.env, DATABASE_URL: url, ...more });

function migrate(url: string, more: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'prisma/migrate.ts'],
      { env: environment(url, more) },
      (_error, out, err) => resolve({ code: child.exitCode, output: out + err }),
    );
  });
}

const run = (url: string, sql: string) => withClient(url, (client) => client.query<Record<string, unknown>>(sql));
const asAdmin = (url: string) => databaseUrl(config, 'postgres', new URL(url).pathname.slice(1));
const tables = async (url: string) =>
  (await run(url, `SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'zap_run%'`)).rows;

test('a database that cannot store every character is refused before anything is created in it', { timeout: 60_000 }, async () => {
  const name = uniqueName('latin');
  await query(`CREATE DATABASE ${name} OWNER outbox_owner TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`, [], 'postgres');
  onTestFinished(() => query(`DROP DATABASE ${name} WITH (FORCE)`, [], 'postgres').then(() => undefined));
  const url = databaseUrl(config, 'outbox_owner', name);
  expect(await migrate(url)).toEqual({ code: 1, output: expect.stringMatching(/^DATABASE_ENCODING: .*LATIN1/) as string });
  expect(await tables(url)).toEqual([{ n: 0 }]);
});

test('a database with foreign tables is migrated, and they stay', { timeout: 60_000 }, async () => {
  await withScratchDatabase(async (url) => {
    await run(url, 'CREATE TABLE theirs AS SELECT 1 AS n');
    expect(await migrate(url)).toMatchObject({ code: 0 });
    expect((await run(url, 'SELECT n FROM theirs')).rows).toEqual([{ n: 1 }]);
    expect(await tables(url)).toEqual([{ n: 2 }]);
  });
});

test(
  'neither a search_path, nor a schema named like the owner, nor PG* in the environment moves the tables',
  { timeout: 60_000 },
  async () => {
    await withScratchDatabase(async (url) => {
      await run(url, 'CREATE SCHEMA outbox_owner; CREATE SCHEMA elsewhere');
      await run(asAdmin(url), `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = elsewhere`);
      const environment = { PGOPTIONS: '-c search_path=elsewhere', PGSSLMODE: 'require', PGHOST: 'nowhere.invalid', PGDATABASE: 'nowhere' };
      expect(await migrate(url, environment)).toMatchObject({ code: 0 });
      expect(await tables(url)).toEqual([{ n: 2 }]);
      expect(await migrate(url, environment)).toEqual({ code: 0, output: 'nothing to migrate\n' });
    });
  },
);

test('a migration that was killed is applied by the next run', { timeout: 90_000 }, async () => {
  await withScratchDatabase(async (url) => {
    await run(
      asAdmin(url),
      `CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); END $$;
       CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION slow()`,
    );
    const child = spawn(process.execPath, ['--import', 'tsx', 'prisma/migrate.ts'], { env: environment(url, {}), stdio: 'ignore' });
    const open = async () => (await run(url, 'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL')).rows;
    await waitFor('the second migration is at work', async () => JSON.stringify(await open()).includes(folders[1]?.name ?? ''), 30_000);
    child.kill('SIGKILL');
    await run(asAdmin(url), 'DROP EVENT TRIGGER slow');
    expect(await open()).toHaveLength(1);
    expect(await migrate(url)).toMatchObject({ code: 0 });
    expect(await migrate(url)).toEqual({ code: 0, output: 'nothing to migrate\n' });
  });
});

test('a migration that was edited after it was applied is reported', { timeout: 60_000 }, async () => {
  await withScratchDatabase(async (url) => {
    expect(await migrate(url)).toMatchObject({ code: 0 });
    await run(url, `UPDATE _prisma_migrations SET checksum = repeat('0', 64) WHERE migration_name = '${folders[0]?.name}'`);
    expect(await migrate(url)).toEqual({ code: 1, output: expect.stringContaining(`MIGRATION_EDITED: `) as string });
  });
});

test('ingest stores webhooks in public, whatever the settings of its role and its environment', { timeout: 60_000 }, async () => {
  await query('CREATE SCHEMA ingest AUTHORIZATION ingest; CREATE TABLE ingest.zap_run_outbox (LIKE public.zap_run_outbox)', [], 'postgres');
  await query('ALTER ROLE ingest SET search_path = nowhere', [], 'postgres');
  onTestFinished(async () => {
    await query('ALTER ROLE ingest RESET search_path', [], 'postgres');
    await query('DROP SCHEMA ingest CASCADE', [], 'postgres');
  });
  const ingest = await startIngest({ PGOPTIONS: '-c search_path=nowhere', PGSSLMODE: 'require' });
  onTestFinished(ingest.stop);
  const response = await fetch(`${ingest.url}/hooks/catch/${uniqueName('user')}/z`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '"😀"',
  });
  expect(response.status).toBe(200);
  const { id } = (await response.json()) as { id: string };
  expect(await query('SELECT FROM public.zap_run WHERE id = $1', [id])).toHaveLength(1);
});

test.each([
  [
    'has lost the right to insert a column',
    'REVOKE INSERT (payload) ON zap_run_outbox FROM outbox_ingest',
    'GRANT INSERT (payload) ON zap_run_outbox TO outbox_ingest',
  ],
  [
    'cannot write at all, as on a standby',
    'ALTER ROLE ingest SET default_transaction_read_only = on',
    'ALTER ROLE ingest RESET default_transaction_read_only',
  ],
])('ingest is not ready while its login %s, and ready again afterwards', { timeout: 60_000 }, async (_what, take, give) => {
  const ingest = await startIngest();
  onTestFinished(ingest.stop);
  const change = async (sql: string) => {
    await query(sql, [], 'postgres');
    // A role's settings apply to new connections.
    await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingest'`, [], 'postgres');
  };
  const post = () => fetch(`${ingest.url}/hooks/catch/${uniqueName('user')}/z`, { method: 'POST', body: '1' });
  const statuses = async () => [(await fetch(`${ingest.url}/readyz`)).status, (await post()).status].join();
  onTestFinished(() => change(give));
  await change(take);
  await waitFor('both answers are 503', async () => (await statuses()) === '503,503');
  await change(give);
  await waitFor('both answers are 200', async () => (await statuses()) === '200,200');
});

test.each([
  ['a 200 of ingest is on disk', 'ingest', 'synchronous_commit', 'off', /^on$/],
  ['ingest does not fail on its own repeats', 'ingest', 'default_transaction_isolation', 'serializable', /^read committed$/],
  ['the watchdog and the operator read the time of a pause', 'operator', 'datestyle', 'German', /^ISO/],
] as const)('%s, although its login %s has a %s of %s', async (_what, login, name, given, wanted) => {
  await query(`ALTER ROLE ${login} SET ${name} = '${given}'`, [], 'postgres');
  onTestFinished(() => query(`ALTER ROLE ${login} RESET ${name}`, [], 'postgres').then(() => undefined));
  const connectionString = databaseUrl(config, login);
  const options = login === 'ingest' ? poolTimeouts : bounded(connectionString, { max: 1, statementMs: 5000 });
  const pool = new pg.Pool({ ...options, connectionString });
  onTestFinished(() => pool.end());
  const { rows } = await pool.query('SELECT current_setting($1) AS is, now() AS at', [name]);
  expect(rows).toEqual([{ is: expect.stringMatching(wanted) as string, at: expect.any(Date) as Date }]);
});
