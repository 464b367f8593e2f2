import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ensureLogins } from '../prisma/logins.ts';
import { databaseUrl, logins, type Login } from '../stack/config.ts';
import { outcome, withClient } from './support/catalog.ts';
import { config, query, stack } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// The limits of the stack's logins on the server. Their rights on the tables are in database.test.ts.

const ours = logins.filter((login) => login !== 'postgres');
const mayConnect = (login: Login, database: string) => database === (login === 'registry' ? 'registry' : 'outbox');

/** 'connected', or the SQLSTATE. */
async function connects(options: pg.ClientConfig & { replication?: string }): Promise<string> {
  const client = new pg.Client(options);
  try {
    await client.connect();
    return 'connected';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe.each(ours)('the login %s', (login) => {
  it.each(['outbox', 'registry', 'postgres', 'template1'])('connects to %s only if its work is there', async (database) => {
    const expected = mayConnect(login, database) ? 'connected' : '42501';
    expect(await connects({ connectionString: databaseUrl(config, login, database) })).toBe(expected);
  });

  it('cannot take a physical copy of the cluster', async () => {
    const database = login === 'registry' ? 'registry' : 'outbox';
    expect(await connects({ connectionString: databaseUrl(config, login, database), replication: 'true' })).toBe('28000');
  });

  it.each(['text', 'bytea'])('writes logical messages of %s only for the heartbeat', async (content) => {
    const database = login === 'registry' ? 'registry' : 'outbox';
    const made = await withClient(databaseUrl(config, login, database), async (client) => {
      await client.query('BEGIN');
      return outcome(client, `SELECT pg_logical_emit_message(true, 'x', 'y'::${content})`);
    });
    // The registry's database has no slot.
    expect(made).toBe(login === 'cdc' || login === 'registry' ? 'accepted' : '42501');
  });

  it('creates temporary tables only where a verb of the operator needs one', async () => {
    const database = login === 'registry' ? 'registry' : 'outbox';
    const made = await withClient(databaseUrl(config, login, database), async (client) => {
      await client.query('BEGIN');
      return outcome(client, 'CREATE TEMPORARY TABLE t (n int)');
    });
    expect(made).toBe(['operator', 'outbox_owner', 'registry'].includes(login) ? 'accepted' : '42501');
  });
});

it('passwords are kept as SCRAM verifiers', async () => {
  const kept = await query('SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin', [], 'postgres');
  for (const { rolname, rolpassword } of kept) expect([rolname, rolpassword]).toEqual([rolname, expect.stringMatching(/^SCRAM-SHA-256\$/)]);
});

it('no password reaches the log of Postgres, also where the statement that sets it is written there', async () => {
  const made = ensureLogins(databaseUrl(config, 'postgres', 'postgres'), [{ name: 'pg_refused', password: 'marker-of-a-password' }], []);
  await expect(made).rejects.toThrow(/pg_refused/);
  await waitFor('the log has the statement', async () => /STATEMENT: .*pg_refused/.test(await stack.log('postgres')));
  const log = await stack.log('postgres');
  for (const password of ['marker-of-a-password', ...Object.values(config.secrets)]) expect(log.includes(password)).toBe(false);
});
