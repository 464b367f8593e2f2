import { z } from 'zod';

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
 * @returns a function that returns a valid token. It throws when the endpoint issues none; the message has no secret.
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
    });
    if (!response.ok) throw new Error(`${url} answers ${response.status}instead of a token`);
    const { success, data } = answer.safeParse(await response.json());
    if (!success) throw new Error(`${url} answers without access_token`);
    current = { token: data.access_token, until: now() + Math.max(0, data.expires_in - MARGIN_SECONDS) * 1000 };
    return current.token;
  };
}
