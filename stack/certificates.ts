import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './errors.ts';
import { writePrivate } from './private-file.ts';

// The certificates of a stack with STACK_TLS, made with openssl: a CA of its own, and what it signs.

export interface Certificate {
  cert: string;
  key: string;
  /** Both in one file, as Java wants them. */
  both: string;
}

const DAYS = 825;
/** How a client may call each server of the stack. */
const LOOPBACK = 'DNS:localhost,IP:127.0.0.1,IP:::1';

const certificate = (folder: string, name: string): Certificate => {
  const path = (end: string) => join(folder, `${name}${end}`);
  return { cert: path('.pem'), key: path('.key'), both: path('.both.pem') };
};

/** Where the certificates of a stack are. */
export function certificates(dir: string): {
  folder: string;
  ca: string;
  server: Certificate;
  client: Certificate;
  token: string;
  jwks: string;
} {
  const folder = join(dir, 'tls');
  return {
    folder,
    ca: join(folder, 'ca.pem'),
    server: certificate(folder, 'server'),
    client: certificate(folder, 'client'),
    // The key of an authorization server, whose tokens Kafka accepts by the set of keys in the other file.
    token: join(folder, 'token.key'),
    jwks: join(folder, 'jwks.json'),
  };
}

/** Makes the certificates of a stack, unless it has them. */
export function ensureCertificates(dir: string): void {
  const { folder, ca } = certificates(dir);
  if (existsSync(ca)) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Postgres may run as another user, which passes through.
  chmodSync(folder, 0o711);
  const authority = makeAuthority(folder, 'ca');
  issue(authority, folder, 'server', LOOPBACK);
  issue(authority, folder, 'client');
}

/** Makes a CA. */
export function makeAuthority(folder: string, name: string): Certificate {
  const made = certificate(folder, name);
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  openssl('req', '-x509', ...newKey(made.key), '-out', made.cert, '-days', String(DAYS), '-subj', `/CN=outbox ${name}`, ...extensions);
  return made;
}

/**
 * Makes a certificate.
 *
 * @param names the names of a server, such as `DNS:localhost`; none: it is a client's
 */
export function issue(authority: Certificate, folder: string, name: string, names?: string): Certificate {
  const made = certificate(folder, name);
  const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
  const usage = names === undefined ? 'extendedKeyUsage=clientAuth' : `extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=${names}`;
  writeFileSync(extensions, `basicConstraints=CA:FALSE\n${usage}\n`);
  openssl('req', '-new', ...newKey(made.key), '-out', request, '-subj', `/CN=outbox ${name}`);
  const signer = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, ...signer, '-out', made.cert, '-days', String(DAYS), '-extfile', extensions);
  writePrivate(made.both, [readFileSync(made.key, 'utf8'), readFileSync(made.cert, 'utf8')]);
  for (const file of [request, extensions]) rmSync(file);
  return made;
}

const newKey = (key: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', key];

function openssl(...args: string[]): void {
  try {
    execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    const cause = code === 'ENOENT' ? 'openssl is not installed' : (stderr?.trim() ?? String(error));
    throw new StackError('NO_CERTIFICATES', `STACK_TLS needs certificates, and they could not be made: ${cause}`);
  }
}
