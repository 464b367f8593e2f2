import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { certificates } from '../../stack/certificates.ts';
import { TOKEN_AUDIENCE, TOKEN_KEY_ID } from '../../stack/secured.ts';
import { config } from './stack.ts';

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token that the stack's Kafka accepts, for the login `subject`; another audience is refused. */
export function signToken(subject: string, audience = TOKEN_AUDIENCE): string {
  const now = Math.floor(Date.now() / 1000);
  const head = { alg: 'RS256', typ: 'JWT', kid: TOKEN_KEY_ID };
  const claims = { sub: subject, aud: audience, scope: 'kafka', iat: now, exp: now + 300, jti: crypto.randomUUID() };
  const signed = `${encoded(head)}.${encoded(claims)}`;
  return `${signed}.${createSign('RSA-SHA256')
    .update(signed)
    .sign(readFileSync(certificates(config.dir).token), 'base64url')}`;
}

/** A server on loopback with the stack's certificate, or without TLS. It is closed with its test. */
export async function serve(answer: RequestListener, tls = true): Promise<string> {
  const { server: own } = certificates(config.dir);
  const server = tls ? createHttps({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, answer) : createHttp(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * A token endpoint (RFC 6749, client credentials). Each client is named as its login on Kafka.
 *
 * @returns its URL
 */
export async function tokenEndpoint(clients: Record<string, string>, { tls = true, audience = TOKEN_AUDIENCE } = {}): Promise<string> {
  const origin = await serve((request, response) => {
    const [id = '', secret = ''] = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64')
      .toString()
      .split(':');
    const known = request.method === 'POST' && clients[id] !== undefined && clients[id] === secret;
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
    const token = { access_token: known ? signToken(id, audience) : '', token_type: 'Bearer', expires_in: 300 };
    response.end(JSON.stringify(known ? token : { error: 'invalid_client' }));
  }, tls);
  return `${origin}/token`;
}
