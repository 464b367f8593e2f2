import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { oauthTokens } from './kafka-oauth.ts';

interface Asked {
  authorization: string | undefined;
  body: string;
}

/** A token endpoint that issues t1, t2, …, or answers with a status. */
async function endpoint(status = 200): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ authorization: request.headers.authorization, body });
      response.writeHead(status).end(JSON.stringify({ access_token: `t${asked.length}`, token_type: 'bearer', expires_in: 100 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

test('a token is requested by client credentials, shared, and replaced before it expires', async () => {
  const { url, asked } = await endpoint();
  let now = 0;
  const tokens = oauthTokens({ url, clientId: 'me:', clientSecret: 's&', scope: 'kafka' }, () => now);
  expect([await tokens(), await tokens()]).toEqual(['t1', 't1']);
  now = 69_999;
  expect(await tokens()).toBe('t1');
  now = 70_000;
  expect(await tokens()).toBe('t2');
  expect(asked[0]).toEqual({
    authorization: `Basic ${Buffer.from('me%3A:s%26').toString('base64')}`,
    body: 'grant_type=client_credentials&scope=kafka',
  });
});

test('the error about an endpoint that issues no token has its address and not the secret', async () => {
  const { url } = await endpoint(401);
  const failure = await oauthTokens({ url, clientId: 'me', clientSecret: 'hidden', scope: undefined })().catch(String);
  expect(failure).toContain('answers 401');
  expect(failure).not.toContain('hidden');
});
