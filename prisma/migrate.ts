import { z } from 'zod';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { postgresUrl, settingsOrExit } from '../kit/settings.ts';
import { MigrateError } from './prepare.ts';
import { applyMigrations } from './schema-engine.ts';

// `npm run migrate`: applies the missing migrations, as the owner of the database.

export const settings = z.object({
  DATABASE_URL: postgresUrl().describe("PostgreSQL URL of the database's owner; needs CREATEROLE"),
});

const config = settingsOrExit(settings, process.env);
try {
  const applied = await applyMigrations(config.DATABASE_URL);
  process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `applied ${applied.join(', ')}\n`);
} catch (error) {
  const told = error instanceof Error && error.cause instanceof ConnectionFault ? error.cause : error;
  const named = told instanceof MigrateError || told instanceof ConnectionFault;
  // The engine appends a stack trace of its own, which helps no reader.
  const [cause = '', trace = ''] = (named ? told.message : String(told)).split(/\n {3}0: (.*)/s);
  const migration = /migration_name="([^"]+)"/.exec(trace)?.[1];
  const code = named ? told.code : 'MIGRATION_FAILED';
  process.stderr.write(`${code}: ${migration === undefined ? '' : `${migration}: `}${cause}\n`);
  process.exitCode = 1;
}
// The engine leaves a timer of its lock running (10 s), which would keep the process alive.
process.exit();
