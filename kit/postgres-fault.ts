import { ConnectionFault } from './connection-fault.ts';
import { tlsFault, type TlsFault } from './tls-fault.ts';

/** What to do about each fault of TLS. */
const TLS_REMEDIES: Partial<Record<TlsFault['kind'], string>> = {
  untrusted: 'Name the CA of its certificate in DATABASE_URL: sslmode=verify-full&sslrootcert=…',
  name: 'Use a name of the certificate as the host of DATABASE_URL',
  expired: "Renew Postgres' certificate, or set this machine's clock",
};
const NO_SERVER_TLS = /does not support SSL/;
const NO_TLS = /no encryption|SSL off/;

/**
 * Explains why Postgres refused a connection: POSTGRES_LOGIN or POSTGRES_TLS. The error stays the same object with its
 * own code; its message becomes that of the ConnectionFault, which is its cause.
 *
 * @param user of the connection
 * @returns the error, unchanged when it is about something else
 */
export function explainPostgres<E>(error: E, user: string | undefined): E {
  if (!(error instanceof Error) || error.cause instanceof ConnectionFault) return error;
  const fault = faultOf(error, user ?? '');
  if (fault === undefined) return error;
  error.cause = fault;
  error.message = `${fault.code}: ${fault.message}`;
  return error;
}

function faultOf(error: Error, user: string): ConnectionFault | undefined {
  const words = error.message;
  const { code } = error as { code?: unknown };
  const fault = (name: 'POSTGRES_LOGIN' | 'POSTGRES_TLS', found: string, remedy: string) => new ConnectionFault(name, found, remedy);
  if (code === '28P01')
    return fault('POSTGRES_LOGIN', `Postgres refuses the login: ${words}`, 'Are user and password of DATABASE_URL right?');
  if (code === '28000' && NO_TLS.test(words))
    return fault(
      'POSTGRES_TLS',
      `Postgres refuses "${user}" without TLS: ${words}`,
      'Add sslmode=verify-full to DATABASE_URL, and sslrootcert=… for a CA of your own',
    );
  if (code === '28000')
    return fault('POSTGRES_LOGIN', `Postgres refuses "${user}": ${words}`, 'Let pg_hba.conf admit it, or set another user in DATABASE_URL');
  if (NO_SERVER_TLS.test(words))
    return fault(
      'POSTGRES_TLS',
      'Postgres has no TLS, and DATABASE_URL asks for it',
      'Switch it on in Postgres (ssl = on), or leave out sslmode',
    );
  const tls = tlsFault(error);
  if (tls === undefined) return undefined;
  return fault(
    'POSTGRES_TLS',
    `Postgres cannot be connected to with TLS: ${tls.found}`,
    TLS_REMEDIES[tls.kind] ?? 'Check sslmode in DATABASE_URL',
  );
}
