import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, DriverAdapterError } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { bounded } from '../kit/postgres.ts';
import { prepare } from './prepare.ts';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

// Prisma Migrate's own engine, as WebAssembly from npm: the CLI would download a binary at run time, which fails in a
// closed network. It applies the same files and writes the same _prisma_migrations rows, so `prisma migrate deploy` is
// interchangeable with this.

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const schemaPath = here('schema.prisma');
const migrationsPath = here('migrations');

// TypeScript declares it only in the DOM library.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

type Engine = bindings.SchemaEngine;

let loaded: Promise<void> | undefined;

async function load(): Promise<void> {
  // The package exports the bindings, but not the .wasm file beside them.
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const wasm = readFileSync(script.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
}

// The adapter would split a script at every semicolon, even inside a function body or a comment, and commit each piece.
// Sent as a whole, Postgres parses it and applies all of it or nothing, as with the CLI.
class WholeScripts extends PrismaPg {
  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    adapter.executeScript = async (script) => {
      try {
        await adapter.underlyingDriver().query(script);
      } catch (error) {
        // From this form the engine reports the migration and the message of Postgres.
        throw error instanceof pg.DatabaseError ? driverError(error) : error;
      }
    };
    return adapter;
  }
}

function driverError({ code = 'XX000', severity = 'ERROR', message, detail, column, hint }: pg.DatabaseError): DriverAdapterError {
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint });
}

/** A migration may rewrite a large table. */
const STATEMENT_MS = 3_600_000;
/** Cancels and rolls back the migration of a killed process. Otherwise Postgres would finish and commit it unrecorded. */
const ENDS_WITH_US = '-c client_connection_check_interval=1000';

async function withEngine<T>(connectionString: string, use: (engine: Engine, pool: pg.Pool) => Promise<T>): Promise<T> {
  await (loaded ??= load());
  const pool = new pg.Pool(bounded(connectionString, { max: 4, statementMs: STATEMENT_MS, options: ENDS_WITH_US }));
  try {
    await pool.query('SELECT 1'); // The engine would hide why it cannot connect.
    const adapters = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool));
    const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapters);
    return await use(engine, pool);
  } finally {
    await pool.end();
  }
}

/**
 * Applies the missing migrations in order.
 *
 * @param connectionString the owner's URL: the role must own the database and have CREATEROLE
 * @returns the names of the migrations applied now, empty when there was nothing to do
 * @throws MigrateError, and what the engine reports when a migration fails; the database then keeps the ones before it
 */
export async function applyMigrations(connectionString: string): Promise<string[]> {
  const directories = readdirSync(migrationsPath, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const scripts = new Map(directories.map((name) => [name, readFileSync(`${migrationsPath}/${name}/migration.sql`, 'utf8')]));
  return withEngine(connectionString, async (engine, pool) => {
    await prepare(pool, scripts);
    const result = await engine.applyMigrations({
      migrationsList: {
        baseDir: migrationsPath,
        lockfile: {
          path: 'migration_lock.toml',
          content: readFileSync(`${migrationsPath}/migration_lock.toml`, 'utf8'),
        },
        shadowDbInitScript: '',
        migrationDirectories: directories.map((path) => ({
          path,
          migrationFile: {
            path: 'migration.sql',
            content: { tag: 'ok', value: scripts.get(path) ?? '' },
          },
        })),
      },
      filters: { externalTables: [], externalEnums: [] },
    });
    return result.appliedMigrationNames;
  });
}

/** The SQL that creates the tables of schema.prisma in an empty database, by Prisma's own diff. */
export async function schemaScript(connectionString: string): Promise<string> {
  return withEngine(connectionString, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files: [{ path: schemaPath, content: readFileSync(schemaPath, 'utf8') }] },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    return stdout ?? '';
  });
}
