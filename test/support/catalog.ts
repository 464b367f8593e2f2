import pg from 'pg';
import { databaseUrl, type Login } from '../../stack/config.ts';
import { uniqueName } from './names.ts';
import { config, query } from './stack.ts';

/** An empty database of outbox_owner's for the time of `use`. @param use gets the URL of its owner */
export async function withScratchDatabase<T>(use: (ownerUrl: string) => Promise<T>): Promise<T> {
  const name = uniqueName('scratch');
  await query(`CREATE DATABASE ${name} OWNER outbox_owner`, [], 'postgres');
  try {
    return await use(databaseUrl(config, 'outbox_owner', name));
  } finally {
    await query(`DROP DATABASE ${name} WITH (FORCE)`, [], 'postgres');
  }
}

/** A session on any database. */
export async function withClient<T>(connectionString: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** A transaction on the stack's database as one of its logins, rolled back whatever happens. */
export async function rolledBack<T>(login: Login, use: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(databaseUrl(config, login), async (client) => {
    await client.query('BEGIN');
    try {
      return await use(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/** What Postgres said to a statement: 'accepted', or the SQLSTATE, followed by the constraint's name where it has one. */
export async function outcome(client: pg.Client, sql: string, values: unknown[] = []): Promise<string> {
  await client.query('SAVEPOINT attempt');
  try {
    await client.query(sql, values);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return [error.code, error.constraint].filter((part) => part !== undefined).join(' ');
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT attempt');
  }
}

/** The INSERT of one row, and its values. */
export function insertion(table: string, row: Readonly<Record<string, unknown>>): [sql: string, values: unknown[]] {
  const columns = Object.keys(row);
  return [`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, at) => `$${at + 1}`).join(', ')})`, Object.values(row)];
}

// timestamptz and timestamptz(6) are the same precision; now() and CURRENT_TIMESTAMP the same function.
const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column", a.attnotnull AS required,
         replace(format_type(a.atttypid, a.atttypmod), 'timestamp(6)', 'timestamp') AS type,
         CASE WHEN a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' THEN 'generated'
              ELSE replace(pg_get_expr(d.adbin, d.adrelid), 'CURRENT_TIMESTAMP', 'now()') END AS "default"
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> '_prisma_migrations'
   ORDER BY c.relname, a.attname`;

const INDEXES = `
  SELECT c.relname AS "table", i.indisprimary AS "primary", i.indisunique AS "unique", i.indnullsnotdistinct AS "nullsNotDistinct",
         (SELECT json_agg(a.attname ORDER BY k.position)
            FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS columns,
         pg_get_expr(i.indpred, i.indrelid) AS "where"
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
   WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> '_prisma_migrations'
   ORDER BY c.relname, 2 DESC, 5::text`;

const FOREIGN_KEYS = `
  SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2`;

export interface Column {
  table: string;
  column: string;
  required: boolean;
  type: string;
  default: string | null;
}

export interface Index {
  table: string;
  primary: boolean;
  unique: boolean;
  columns: string[];
}

/** What Prisma can know of a database: columns, indexes, foreign keys. An identity and a sequence are both 'generated'. */
export async function describeDatabase(url: string): Promise<{ columns: Column[]; indexes: Index[]; foreignKeys: object[] }> {
  return withClient(url, async (client) => ({
    columns: (await client.query<Column>(COLUMNS)).rows,
    indexes: (await client.query<Index>(INDEXES)).rows,
    foreignKeys: (await client.query<{ table: string; definition: string }>(FOREIGN_KEYS)).rows,
  }));
}
