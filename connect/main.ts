import { pino } from 'pino';
import { createKafka } from '../kit/kafka.ts';
import { openPool } from '../kit/postgres.ts';
import { readSettings, SettingsError } from '../kit/settings.ts';
import { settings } from './config.ts';
import { ConnectApi, ConnectError } from '../kit/connect-api.ts';
import { ConnectionFault } from '../kit/connection-fault.ts';
import { RegisterError } from './errors.ts';
import { register } from './register.ts';

// `npm run register`: a job that is safe to run at every deployment.

const log = pino({ name: 'register' });
try {
  const config = readSettings(settings, process.env);
  const pool = openPool(config.DATABASE_URL, { max: 10, statementMs: 30_000 }, log);
  const admin = createKafka(config, { clientId: 'outbox-register' }).admin();
  try {
    await admin.connect();
    const done = await register({ config, pool, admin, connect: new ConnectApi(config) });
    log.info(done, 'connector is running');
  } finally {
    await Promise.all([admin.disconnect(), pool.end()]);
  }
} catch (error) {
  const expected = [RegisterError, ConnectError, ConnectionFault, SettingsError].find((kind) => error instanceof kind);
  if (expected === undefined || !(error instanceof expected)) throw error;
  log.error({ code: error.code, cause: error.cause }, error.message);
  process.exitCode = 1;
}
