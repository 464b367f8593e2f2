import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { askService, registryService, registrySettings } from '../../kit/http-login.ts';
import { readSettings } from '../../kit/settings.ts';
import { certificates, issue, type Certificate } from '../../stack/certificates.ts';
import { databaseUrl } from '../../stack/config.ts';
import { registryEnv } from '../../stack/http-logins.ts';
import { uniqueName } from '../support/names.ts';
import { startIngest } from '../support/own-ingest.ts';
import { post } from '../support/post.ts';
import { foreignAuthority, ownFolder, postgresPrograms, startConsumer, urlWith } from '../support/secured.ts';
import { config, kill, query, start, stop, untilUp } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

// What is followed while a service runs, and what only a restart takes up. docs/operations.md says the same.

const { ca, client, folder: tls } = certificates(config.dir);
/** The stack's CA, which signs what a test renews. */
const authority: Certificate = { cert: ca, key: join(tls, 'ca.key'), both: '' };

async function connected(): Promise<pg.Client> {
  const one = new pg.Client({ connectionString: databaseUrl(config, 'postgres') });
  await one.connect();
  return one;
}

const endConnections = (login: string) =>
  query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()', [login], 'postgres');

test(
  'a renewed CA, client certificate and key for Kafka are used at the next connection, without a restart',
  { timeout: 240_000 },
  async () => {
    await stop('consumer');
    try {
      const own = ownFolder();
      const [trusted, cert, key] = ['ca.pem', 'client.pem', 'client.key'].map((name) => join(own, name)) as [string, string, string];
      const use = (ca: string, of: Certificate) => {
        copyFileSync(ca, trusted);
        copyFileSync(of.cert, cert);
        copyFileSync(of.key, key);
      };
      use(ca, client);
      const consumer = await startConsumer({ KAFKA_CA_FILE: trusted, KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key });
      const reads = async () => {
        const { body } = await post(uniqueName('user'), 'z', '{}');
        await consumer.says(new RegExp(`"zapRunId":"${body.id}"`), 90_000);
      };
      await reads();
      // While the files are wrong, no new connection succeeds.
      const foreign = foreignAuthority();
      use(foreign.cert, issue(foreign, ownFolder(), 'foreign'));
      await kill('kafka');
      await consumer.says(/self-signed certificate|unable to verify/);
      use(ca, issue(authority, own, 'renewed'));
      await untilUp('kafka');
      await reads();
      await consumer.stop();
    } finally {
      await start('consumer');
      await untilUp('consumer', 'connect');
    }
  },
);

test('a renewed CA for Postgres is used at the next connection, without a restart', { timeout: 120_000 }, async () => {
  const trusted = join(ownFolder(), 'ca.pem');
  copyFileSync(ca, trusted);
  const ingest = await startIngest({ DATABASE_URL: urlWith('ingest', trusted) });
  try {
    const ready = async () => (await fetch(`${ingest.url}/readyz`)).status;
    expect(await ready()).toBe(200);
    copyFileSync(foreignAuthority().cert, trusted);
    await endConnections('ingest');
    await waitFor('it is not ready', async () => (await ready()) === 503);
    copyFileSync(ca, trusted);
    await waitFor('it is ready again', async () => (await ready()) === 200);
  } finally {
    await ingest.stop();
  }
});

test('Postgres may change its certificate while everything runs', { timeout: 120_000 }, async () => {
  const [cert, key] = [join(tls, 'postgres.pem'), join(tls, 'postgres.key')];
  const before = [readFileSync(cert), readFileSync(key)] as const;
  const renewed = issue(authority, ownFolder(), 'renewed', 'DNS:localhost,IP:127.0.0.1');
  const misnamed = issue(authority, ownFolder(), 'misnamed', 'DNS:db.example.com');
  // Written into the files, which keep their owner.
  const serve = async (one: Buffer, its: Buffer) => {
    writeFileSync(cert, one);
    writeFileSync(key, its);
    await reload();
  };
  // By a connection that stands already: none can be made to a server with another name.
  const admin = await connected();
  const reload = () => admin.query('SELECT pg_reload_conf()');
  try {
    await serve(readFileSync(renewed.cert), readFileSync(renewed.key));
    await endConnections('ingest');
    expect((await post(uniqueName('user'), 'z', '{}')).status).toBe(200);
    await serve(readFileSync(misnamed.cert), readFileSync(misnamed.key));
    const migrate = await waitFor('the other certificate is shown', async () => {
      const program = await postgresPrograms['prisma/migrate.ts']?.start(databaseUrl(config, 'outbox_owner'));
      await program?.ended;
      return program?.log().includes('POSTGRES_TLS') === true ? program.log() : undefined;
    });
    expect(migrate).toMatch(/another name .*host of DATABASE_URL/s);
  } finally {
    await serve(...before);
    await admin.end();
  }
});

test('a renewed CA for the registry is used at the next request', async () => {
  const trusted = join(ownFolder(), 'ca.pem');
  copyFileSync(ca, trusted);
  const registry = registryService(
    readSettings(z.object(registrySettings), { ...registryEnv(config, 'reader'), REGISTRY_CA_FILE: trusted }),
  );
  expect((await askService(registry, '/subjects')).status).toBe(200);
  copyFileSync(foreignAuthority().cert, trusted);
  await expect(askService(registry, '/subjects')).rejects.toMatchObject({ code: 'REGISTRY_TLS' });
  copyFileSync(ca, trusted);
  expect((await askService(registry, '/subjects')).status).toBe(200);
});

test('a password is read at the start: a renewed file needs a restart', { timeout: 120_000 }, async () => {
  const file = join(ownFolder(), 'url');
  writeFileSync(file, databaseUrl(config, 'ingest'));
  const ingest = await startIngest({ DATABASE_URL: '', DATABASE_URL_FILE: file });
  const ready = async () => (await fetch(`${ingest.url}/readyz`)).status;
  try {
    writeFileSync(file, databaseUrl(config, 'ingest').replace(config.secrets.ingest, 'the-next-password'));
    await endConnections('ingest');
    await waitFor('it still uses the first', async () => (await ready()) === 200);
  } finally {
    await ingest.stop();
  }
  const next = await postgresPrograms['ingest/main.ts']?.start(readFileSync(file, 'utf8'));
  await next?.says(/POSTGRES_LOGIN/);
});
