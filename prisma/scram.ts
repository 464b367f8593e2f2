import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const ITERATIONS = 4096;

/**
 * The SCRAM verifier that Postgres stores for a password (RFC 5803). As it is made here, the password reaches neither the
 * server nor its log, which may have the text of statements.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}

/** Whether a stored verifier was made from this password by scramVerifier. */
export function isVerifierOf(kept: string, password: string): boolean {
  const [, salt] = /^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(kept) ?? [];
  return salt !== undefined && scramVerifier(password, Buffer.from(salt, 'base64')) === kept;
}
