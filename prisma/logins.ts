import pg from 'pg';

export interface Login {
  name: string;
  password: string;
  /** The NOLOGIN role whose grants it gets. */
  memberOf?: string;
  /** Attributes, which a membership does not pass on. */
  attributes?: 'REPLICATION' | 'CREATEROLE';
}

export interface Database {
  name: string;
  owner: string;
}

/**
 * Makes logins and databases as a deployment would before the migrations. A second run only sets the passwords again.
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
    for (const { name: login, password, memberOf, attributes } of logins) {
      if (memberOf !== undefined && !(await has('pg_roles', 'rolname', memberOf)))
        await client.query(`CREATE ROLE ${name(memberOf)} NOLOGIN`);
      const verb = (await has('pg_roles', 'rolname', login)) ? 'ALTER' : 'CREATE';
      await client.query(`${verb} ROLE ${name(login)} LOGIN ${attributes ?? ''} PASSWORD ${pg.escapeLiteral(password)}`);
      if (memberOf !== undefined) await client.query(`GRANT ${name(memberOf)} TO ${name(login)}`);
    }
    for (const { name: database, owner } of databases) {
      if (await has('pg_database', 'datname', database)) continue;
      await client.query(`CREATE DATABASE ${name(database)} OWNER ${name(owner)}`);
    }
  } finally {
    await client.end();
  }
}
