import { z } from 'zod';
import { ConnectionFault } from './connection-fault.ts';
import { tlsFault } from './tls-fault.ts';

const TIMEOUT_MS = 10_000;
/** A token is replaced this long before it expires. */
const MARGIN_SECONDS = 30;

const answer = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().default(60) });

interface TokenSource {
  url: string;
  clientId: string;
  clientSecret: string;
  scope: string | undefined;
}

/**
 * Tokens by OAuth's client credentials (RFC 6749, 4.4). A token is shared until shortly before it expires.
 *
 * @returns a function that returns a valid token. It throws ConnectionFault KAFKA_OAUTH when the endpoint issues none.
 */
export function oauthTokens({ url, clientId, clientSecret, scope }: TokenSource, now: () => number = Date.now): () => Promise<string> {
  let current: { token: string; until: number } | undefined;
  // RFC 6749, 2.3.1: both are form-encoded before they are joined for Basic.
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
  return async () => {
    if (current !== undefined && now() < current.until) return current.token;
    const response = await fetch(url, {
      method: 'POST',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
    }).catch((error: unknown) => {
      const tls = tlsFault(error);
      const remedy = tls?.kind === 'untrusted' ? 'Name its CA in NODE_EXTRA_CA_CERTS' : 'Is KAFKA_OAUTH_TOKEN_URL right?';
      throw new ConnectionFault(
        'KAFKA_OAUTH',
        `the token endpoint ${url} does not answer: ${tls?.found ?? reasonOf(error)}`,
        remedy,
        error,
      );
    });
    const none = (what: string, remedy: string) => new ConnectionFault('KAFKA_OAUTH', `the token endpoint ${url} ${what}`, remedy);
    if (!response.ok)
      throw none(
        `answers ${response.status} instead of a token`,
        'Are KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET and KAFKA_OAUTH_SCOPE right?',
      );
    const { success, data } = answer.safeParse(await response.json().catch(() => undefined));
    if (!success) throw none('answers without access_token', 'Is KAFKA_OAUTH_TOKEN_URL right?');
    current = { token: data.access_token, until: now() + Math.max(0, data.expires_in - MARGIN_SECONDS) * 1000 };
    return current.token;
  };
}

/** fetch says only that it failed; the reason is the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? cause.message : String(error);
}
