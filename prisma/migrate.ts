import { z } from 'zod';
import { postgresUrl, settingsOrExit } from '../kit/settings.ts';
import { MigrateError } from './prepare.ts';
import { applyMigrations } from './schema-engine.ts';

// `npm run migrate`: applies the migrations that are missing, as the owner of the database.

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe("PostgreSQL URL of the database's owner; needs CREATEROLE"),
});

const config = settingsOrExit(settings, process.env);
try {
  const applied = await applyMigrations(config.DATABASE_URL);
  process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `applied ${applied.join(', ')}\n`);
} catch (error) {
  // The engine's own trace follows after the first lines; it says nothing to a person.
  const [cause = '', trace = ''] = (error instanceof MigrateError ? error.message : String(error)).split(/\n {3}0: (.*)/s);
  const migration = /migration_name="([^"]+)"/.exec(trace)?.[1];
  const code = error instanceof MigrateError ? error.code : 'MIGRATION_FAILED';
  process.stderr.write(`${code}: ${migration === undefined ? '' : `${migration}: `}${cause}\n`);
  process.exitCode = 1;
}
// The engine leaves the timer of its lock behind (10 s), which would keep the process alive for nothing.
process.exit();
