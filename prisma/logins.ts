import type pg from 'pg';
import { PostgresClient } from '../kit/postgres.ts';
import { closed, clusterSteps, insideSteps, type Database, type Login, type Step } from './login-steps.ts';
import { isVerifierOf, scramVerifier } from './scram.ts';

/** A login with its password; none: the password stays as it is. */
export type LoginWithPassword = Omit<Login, 'verifier'> & { password?: string | undefined };

interface How {
  /** Whether to close the other databases of the cluster to all logins, because the cluster is only ours. */
  closeOthers?: boolean;
}

/**
 * Creates logins and databases, as a deployment does before the migrations. A second run changes nothing.
 *
 * @param adminUrl an administrator's URL, on any database of the cluster
 * @returns what was created or changed, for a person
 */
export async function ensureLogins(
  adminUrl: string,
  logins: readonly LoginWithPassword[],
  databases: readonly Database[],
  { closeOthers = false }: How = {},
): Promise<string[]> {
  const made = await withClient(adminUrl, async (client) => {
    const kept = await keptVerifiers(client);
    const wanted = logins.map(({ password, ...login }): Login => {
      const isNew = password !== undefined && !isVerifierOf(kept.get(login.name) ?? '', password);
      return { ...login, ...(isNew && { verifier: scramVerifier(password) }) };
    });
    const done = await run(client, clusterSteps(wanted, databases));
    if (closeOthers) {
      const all = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datallowconn');
      await run(
        client,
        all.rows.map(({ datname }) => closed(datname)),
      );
    }
    return done;
  });
  for (const database of databases) {
    const steps = insideSteps(database);
    if (steps.length > 0) await withClient(onDatabase(adminUrl, database.name), (client) => run(client, steps));
  }
  return made;
}

async function run(client: pg.Client, steps: readonly Step[]): Promise<string[]> {
  const made: string[] = [];
  for (const { sql, unless, makes } of steps) {
    if (unless !== undefined && (await client.query(unless)).rowCount !== 0) continue;
    await client.query(sql);
    if (makes !== undefined) made.push(makes);
  }
  return made;
}

/** The stored verifiers; none if the administrator may not read them, as with many providers. */
async function keptVerifiers(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ may: boolean }>(`SELECT has_table_privilege('pg_authid', 'SELECT') AS may`);
  if (rows[0]?.may !== true) return new Map();
  const kept = await client.query<{ rolname: string; rolpassword: string | null }>('SELECT rolname, rolpassword FROM pg_authid');
  return new Map(kept.rows.map(({ rolname, rolpassword }) => [rolname, rolpassword ?? '']));
}

function onDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new PostgresClient({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
