import { expect, test } from 'vitest';
import { ConnectionFault } from './connection-fault.ts';
import { explainPostgres } from './postgres-fault.ts';

// How errors of pg are named; that servers cause them is tried on real ones, in test/secure/.

const error = (message: string, code?: string) => Object.assign(new Error(message), { code });

test.each([
  [error('password authentication failed for user "me"', '28P01'), 'POSTGRES_LOGIN', 'DATABASE_URL'],
  [error('no pg_hba.conf entry for host "h", user "me", database "d", SSL encryption', '28000'), 'POSTGRES_LOGIN', 'pg_hba.conf'],
  [error('no pg_hba.conf entry for host "h", user "me", database "d", no encryption', '28000'), 'POSTGRES_TLS', 'sslmode=verify-full'],
  [error('The server does not support SSL connections'), 'POSTGRES_TLS', 'ssl = on'],
  [error('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'), 'POSTGRES_TLS', 'sslrootcert'],
  [error("Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID'), 'POSTGRES_TLS', 'host of DATABASE_URL'],
])('%s: the same error, with a code, the words of Postgres and what to do', (given, code, remedy) => {
  const [words, sqlstate] = [given.message, given.code];
  const explained = explainPostgres(given, 'me');
  expect(explained).toBe(given);
  expect(explained.code).toBe(sqlstate);
  expect(explained.cause).toBeInstanceOf(ConnectionFault);
  expect(explained.cause).toMatchObject({ code });
  expect(explained.message).toMatch(new RegExp(`^${code}: `));
  expect(explained.message).toContain(remedy);
  if (sqlstate !== undefined) expect(explained.message).toContain(words);
  expect(explainPostgres(explained, 'me').message).toBe(explained.message);
});

test.each([error('connect ECONNREFUSED', 'ECONNREFUSED'), error('relation does not exist', '42P01'), null, undefined])(
  '%s is left as it is',
  (given) => {
    const before = given?.message;
    expect(explainPostgres(given, 'me')).toBe(given);
    expect(given?.message).toBe(before);
  },
);
