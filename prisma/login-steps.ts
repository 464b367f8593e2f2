import pg from 'pg';

// Logins, databases and their grants as SQL statements. The stack and `bootstrap --apply` run them; `bootstrap --print`
// prints them. Each statement can be repeated.

export interface Login {
  name: string;
  /** The SCRAM verifier of its new password; none: the password stays as it is. */
  verifier?: string;
  /** The NOLOGIN role whose grants the login gets. */
  memberOf?: string;
  /** Attributes of the login, which a membership does not inherit. */
  attributes?: 'REPLICATION' | 'CREATEROLE';
}

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

export interface Step {
  sql: string;
  /** A query that returns a row if there is nothing to do; none: repeating the statement changes nothing. */
  unless?: string;
  /** What the statement creates, for a person. */
  makes?: string;
}

/** Owns only the function that drops the slot, so that its callers need no REPLICATION. */
const SLOT_ROLE = 'outbox_slot';

const { escapeIdentifier: name, escapeLiteral: text } = pg;
const roleIs = (role: string, so = '') => `SELECT FROM pg_roles WHERE rolname = ${text(role)}${so}`;
const role = (wanted: string, attributes = ''): Step => ({
  sql: `CREATE ROLE ${name(wanted)} NOLOGIN${attributes}`,
  unless: roleIs(wanted),
  makes: `role ${wanted}`,
});

/** The statements to run on any database of the cluster. */
export function clusterSteps(logins: readonly Login[], databases: readonly Database[]): Step[] {
  return [role(SLOT_ROLE, ' REPLICATION'), ...logins.flatMap(loginSteps), ...databases.flatMap(databaseSteps)];
}

function loginSteps({ name: login, verifier, memberOf, attributes }: Login): Step[] {
  const replication = attributes === 'REPLICATION' ? 'REPLICATION' : 'NOREPLICATION';
  const more = attributes === 'CREATEROLE' ? ' CREATEROLE' : '';
  const fits = ` AND rolcanlogin AND ${attributes === 'REPLICATION' ? '' : 'NOT '}rolreplication${more && ' AND rolcreaterole'}`;
  const password: Step = { sql: `ALTER ROLE ${name(login)} PASSWORD ${text(verifier ?? '')}`, makes: `password of ${login}` };
  return [
    ...(memberOf === undefined ? [] : [role(memberOf)]),
    { sql: `CREATE ROLE ${name(login)} LOGIN ${replication}${more}`, unless: roleIs(login), makes: `login ${login}` },
    { sql: `ALTER ROLE ${name(login)} LOGIN ${replication}${more}`, unless: roleIs(login, fits), makes: `attributes of ${login}` },
    ...(verifier === undefined ? [] : [password]),
    ...(memberOf === undefined ? [] : [{ sql: `GRANT ${name(memberOf)} TO ${name(login)}` }]),
    ...(attributes === 'CREATEROLE' ? [{ sql: `GRANT ${SLOT_ROLE} TO ${name(login)} WITH INHERIT FALSE, SET TRUE` }] : []),
  ];
}

function databaseSteps({ name: database, owner, users, temporary }: Database): Step[] {
  const grant = (what: string, to: readonly string[]): Step[] =>
    to.length === 0 ? [] : [{ sql: `GRANT ${what} ON DATABASE ${name(database)} TO ${to.map(name).join(', ')}` }];
  return [
    {
      // Another encoding could not hold every webhook.
      sql: `CREATE DATABASE ${name(database)} OWNER ${name(owner)} TEMPLATE template0 ENCODING 'UTF8'`,
      unless: `SELECT FROM pg_database WHERE datname = ${text(database)}`,
      makes: `database ${database}`,
    },
    closed(database),
    ...grant('CONNECT', users),
    ...grant('TEMPORARY', temporary),
  ];
}

/** By default every login may connect to every database, and fill its disk with temporary tables. */
export const closed = (database: string): Step => ({ sql: `REVOKE CONNECT, TEMPORARY ON DATABASE ${name(database)} FROM PUBLIC` });

/**
 * The statements to run on the database itself, as a function's grants belong to it. A message of hundreds of megabytes
 * would crash the connector for lack of memory.
 */
export function insideSteps({ messages }: Database): Step[] {
  if (messages === undefined) return [];
  const granted =
    messages.length === 0 ? '' : ` EXECUTE 'GRANT EXECUTE ON FUNCTION ' || call || ${text(` TO ${messages.map(name).join(', ')}`)};`;
  // By name: Postgres 17 gave these functions one more parameter.
  const each = `SELECT oid::regprocedure::text FROM pg_proc WHERE proname = 'pg_logical_emit_message' AND pronamespace = 'pg_catalog'::regnamespace`;
  const revoked = `EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || call || ' FROM PUBLIC';`;
  return [{ sql: `DO $$ DECLARE call text; BEGIN FOR call IN ${each} LOOP ${revoked}${granted} END LOOP; END $$` }];
}
