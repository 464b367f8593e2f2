import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { EVENT_SUBJECT } from '../contract/names.ts';
import { databaseUrl, readStackConfig, type Login } from '../stack/config.ts';
import { stackParts } from '../stack/parts.ts';
import { end, leftovers, start } from '../stack/process.ts';
import { freePorts } from '../test/support/free-ports.ts';

export interface Database {
  url: (login: Login) => string;
  /** Empties outbox and archive and writes dirty pages, so that every measurement starts from the same state. */
  reset: () => Promise<void>;
  stop: () => Promise<void>;
}

/**
 * An empty Postgres with the stack's binaries, settings, logins and migrations (fsync on), without other parts. The event
 * schema is registered with the id 1.
 *
 * @param dir where its state lies; removed before and after
 */
export async function startPostgres(dir: string): Promise<Database> {
  // The state of a killed run.
  for (const pid of leftovers(dir).values()) await end(pid, 'SIGINT', 20_000);
  rmSync(dir, { recursive: true, force: true });
  const [port] = await freePorts(1);
  const config = readStackConfig({ ...process.env, STACK_DIR: dir, POSTGRES_PORT: String(port) });
  const url = (login: Login) => databaseUrl(config, login);
  // None of the started parts needs Java.
  const parts = await stackParts(config, '', process.env);
  const part = (name: string) => {
    const found = parts.find((one) => one.name === name);
    if (found === undefined) throw new Error(`the stack has no part ${name}`);
    return found;
  };
  const { prepare, command, probe } = part('postgres');
  await prepare?.();
  const child = start(config.dir, 'postgres', command);
  for (let tries = 100; tries > 0; tries -= 1) {
    const works = await probe?.().then(
      () => true,
      () => false,
    );
    if (works === true) break;
    if (tries === 1) throw new Error(`Postgres did not start: see ${config.dir}/logs/postgres.log`);
    await delay(100);
  }
  for (const name of ['logins', 'migrate']) {
    const { file, args, env } = part(name).command;
    execFileSync(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  }

  const admin = new pg.Client({ connectionString: databaseUrl(config, 'postgres') });
  await admin.connect();
  const schema = JSON.stringify(JSON.parse(readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8')));
  const fingerprint = createHash('sha256').update(schema).digest('hex');
  await admin.query('INSERT INTO event_schema (subject, fingerprint, schema_id, schema) VALUES ($1, $2, 1, $3)', [
    EVENT_SUBJECT,
    fingerprint,
    schema,
  ]);
  return {
    url,
    reset: async () => {
      await admin.query('TRUNCATE zap_run, zap_run_outbox');
      await admin.query('CHECKPOINT');
    },
    stop: async () => {
      await admin.end();
      if (child.pid !== undefined) await end(child.pid, 'SIGINT', 20_000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
