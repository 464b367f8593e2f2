import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';

export interface Login {
  name: string;
  password: string;
  /** The NOLOGIN role whose grants the login gets. */
  memberOf?: string;
  /** Attributes of the login, which a membership does not inherit. */
  attributes?: 'REPLICATION' | 'CREATEROLE';
}

/** Owns only the function that drops the slot, so that its callers need no REPLICATION. */
const SLOT_ROLE = 'outbox_slot';

export interface Database {
  name: string;
  owner: string;
  /** The other logins that may connect to the database. No further login may. */
  users: readonly string[];
  /** The logins that may create temporary tables. */
  temporary: readonly string[];
  /** The logins that may write logical messages, which every slot decodes; undefined: all logins, Postgres' default. */
  messages?: readonly string[];
}

/**
 * Creates logins and databases, as a deployment does before the migrations. A second run only sets passwords and grants
 * again.
 *
 * @param adminUrl a superuser's URL, on any database of the cluster
 */
export async function ensureLogins(adminUrl: string, logins: readonly Login[], databases: readonly Database[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const has = async (catalog: string, column: string, value: string) =>
    (await client.query(`SELECT FROM ${catalog} WHERE ${column} = $1`, [value])).rowCount === 1;
  const name = pg.escapeIdentifier;
  try {
    if (!(await has('pg_roles', 'rolname', SLOT_ROLE))) await client.query(`CREATE ROLE ${SLOT_ROLE} NOLOGIN REPLICATION`);
    for (const { name: login, password, memberOf, attributes } of logins) {
      if (memberOf !== undefined && !(await has('pg_roles', 'rolname', memberOf)))
        await client.query(`CREATE ROLE ${name(memberOf)} NOLOGIN`);
      const verb = (await has('pg_roles', 'rolname', login)) ? 'ALTER' : 'CREATE';
      await client.query(
        `${verb} ROLE ${name(login)} LOGIN ${attributes ?? ''} ${attributes === 'REPLICATION' ? '' : 'NOREPLICATION'} PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`,
      );
      if (memberOf !== undefined) await client.query(`GRANT ${name(memberOf)} TO ${name(login)}`);
      if (attributes === 'CREATEROLE') await client.query(`GRANT ${SLOT_ROLE} TO ${name(login)} WITH INHERIT FALSE, SET TRUE`);
    }
    for (const { name: database, owner } of databases) {
      if (await has('pg_database', 'datname', database)) continue;
      await client.query(`CREATE DATABASE ${name(database)} OWNER ${name(owner)}`);
    }
    // By default every login may connect to every database, and fill its disk with temporary tables.
    const all = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datallowconn');
    for (const { datname } of all.rows) await client.query(`REVOKE CONNECT, TEMPORARY ON DATABASE ${name(datname)} FROM PUBLIC`);
    const grant = async (what: string, database: string, to: readonly string[]) =>
      to.length > 0 && client.query(`GRANT ${what} ON DATABASE ${name(database)} TO ${to.map(name).join(', ')}`);
    for (const { name: database, users, temporary } of databases) {
      await grant('CONNECT', database, users);
      await grant('TEMPORARY', database, temporary);
    }
    for (const { name: database, messages } of databases) if (messages) await limitMessages(adminUrl, database, messages);
  } finally {
    await client.end();
  }
}

/** A function's grants belong to its database. A message of hundreds of megabytes would end a connector for lack of memory. */
async function limitMessages(adminUrl: string, database: string, to: readonly string[]): Promise<void> {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    for (const content of ['text', 'bytea']) {
      const call = `FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, ${content}, boolean)`;
      await client.query(`REVOKE EXECUTE ON ${call} FROM PUBLIC`);
      for (const login of to) await client.query(`GRANT EXECUTE ON ${call} TO ${pg.escapeIdentifier(login)}`);
    }
  } finally {
    await client.end();
  }
}

const ITERATIONS = 4096;

/**
 * The SCRAM verifier that Postgres stores for a password (RFC 5803). As it is made here, the password reaches neither the
 * server nor its log, which may have the text of statements.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}
