import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { askService, registryService, registrySettings } from '../../kit/http-login.ts';
import { readSettings } from '../../kit/settings.ts';
import { certificates } from '../../stack/certificates.ts';
import { kafkaSecret, registryUrl } from '../../stack/config.ts';
import { registryEnv, registryFor } from '../../stack/http-logins.ts';
import { untilRunning } from '../support/connector.ts';
import { uniqueName } from '../support/names.ts';
import { post } from '../support/post.ts';
import { expectNoSecret, ownFolder, startConsumer, type Process } from '../support/secured.ts';
import { config, start, stop, untilUp } from '../support/stack.ts';
import { serve, tokenEndpoint } from '../support/token-endpoint.ts';
import { readTopic } from '../support/topic.ts';
import { startWorker } from '../support/worker.ts';

// Every kind of login that the settings know, on the real broker and registry.

const { ca } = certificates(config.dir);

async function readsAnEvent(consumer: Process): Promise<void> {
  const { status, body } = await post(uniqueName('user'), 'z', '{}');
  expect(status).toBe(200);
  await consumer.says(new RegExp(`"zapRunId":"${body.id}"`));
  expectNoSecret(consumer.log());
}

const token = (url: string, secret: string) => ({
  KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
  ...{ KAFKA_USERNAME: '', KAFKA_PASSWORD: '' },
  ...{ KAFKA_OAUTH_TOKEN_URL: url, KAFKA_OAUTH_CLIENT_ID: 'consumer', KAFKA_OAUTH_CLIENT_SECRET: secret, KAFKA_OAUTH_SCOPE: 'kafka' },
});

describe('the consumer reads events', () => {
  beforeAll(() => stop('consumer'));
  afterAll(async () => {
    await start('consumer');
    await untilUp('consumer');
  });

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('by %s, with a password from a file', { timeout: 90_000 }, async (mechanism) => {
    const file = join(ownFolder(), 'password');
    writeFileSync(file, `${kafkaSecret(config, 'consumer')}\n`);
    const consumer = await startConsumer({ KAFKA_SASL_MECHANISM: mechanism, KAFKA_PASSWORD: '', KAFKA_PASSWORD_FILE: file });
    await readsAnEvent(consumer);
    await consumer.stop();
  });

  test('by OAUTHBEARER, from a token endpoint whose CA is in NODE_EXTRA_CA_CERTS', { timeout: 90_000 }, async () => {
    const url = await tokenEndpoint({ consumer: 'the-client-secret' });
    const consumer = await startConsumer({ ...token(url, 'the-client-secret'), NODE_EXTRA_CA_CERTS: ca });
    await readsAnEvent(consumer);
    expect(consumer.log()).not.toContain('the-client-secret');
    await consumer.stop();
  });

  test.each<[string, { audience?: string }, string, Record<string, string>, string, RegExp]>([
    [
      'a wrong client secret',
      {},
      'wrong',
      { NODE_EXTRA_CA_CERTS: ca },
      'KAFKA_OAUTH',
      /answers 401 instead of a token.*KAFKA_OAUTH_CLIENT_SECRET/,
    ],
    ['an endpoint of an unknown CA', {}, 'the-client-secret', {}, 'KAFKA_OAUTH', /not trusted here.*NODE_EXTRA_CA_CERTS/],
    [
      'a token for somebody else',
      { audience: 'another' },
      'the-client-secret',
      { NODE_EXTRA_CA_CERTS: ca },
      'KAFKA_LOGIN',
      /refuses the token \(OAUTHBEARER\)/,
    ],
  ])('and not by OAUTHBEARER with %s: it ends with a code', { timeout: 90_000 }, async (_what, options, secret, env, code, words) => {
    const url = await tokenEndpoint({ consumer: 'the-client-secret' }, options);
    const consumer = await startConsumer({ ...token(url, secret), ...env });
    expect(await consumer.ended).toBe(1);
    expect(JSON.parse(consumer.log().trim().split('\n').at(-1) ?? '')).toMatchObject({ code, msg: expect.stringMatching(words) as string });
    expect(consumer.log()).not.toContain('the-client-secret');
  });
});

describe('Kafka Connect publishes events', () => {
  beforeAll(() => stop('watch', 'connect'));
  afterAll(async () => {
    await start('connect', 'watch');
    await untilUp('connect', 'watch');
    await untilRunning();
  });

  test.each<[string, () => Promise<Record<string, string>>]>([
    ['PLAIN', async () => ({})],
    ['SCRAM-SHA-256', async () => ({})],
    [
      'OAUTHBEARER',
      async () => ({
        KAFKA_OAUTH_TOKEN_URL: await tokenEndpoint({ connect: 'a "quoted\\ secret' }, { tls: false }),
        ...{ KAFKA_OAUTH_CLIENT_ID: 'connect', KAFKA_OAUTH_CLIENT_SECRET: 'a "quoted\\ secret', KAFKA_OAUTH_SCOPE: 'kafka' },
      }),
    ],
  ])('by %s', { timeout: 180_000 }, async (mechanism, env) => {
    const endWorker = await startWorker((properties) => properties, config.CONNECT_PORT, {
      ...(await env()),
      KAFKA_SASL_MECHANISM: mechanism,
    });
    const topic = await readTopic();
    try {
      await untilRunning();
      const userId = uniqueName('user');
      await post(userId, 'z', '{}');
      await topic.untilEvents(`${userId}/z`, 1, 60_000);
    } finally {
      await topic.close();
      await endWorker();
    }
  });
});

describe('a registry that wants a bearer token', () => {
  /** It passes requests with the token on to the stack's registry. */
  const gateway = (valid: () => string) =>
    serve((incoming, outgoing) => {
      if (incoming.headers.authorization !== `Bearer ${valid()}`) return void outgoing.writeHead(401).end();
      const { headers } = registryService(registryFor(config, 'reader'));
      const url = new URL(incoming.url ?? '/', new URL(registryUrl(config)).origin);
      request(url, { method: incoming.method, headers, ca: readFileSync(ca) }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
        answer.pipe(outgoing);
      }).end();
    });

  test('gets the one of REGISTRY_TOKEN_FILE, read again for each request', async () => {
    let valid = 'the-first-token';
    const url = `${await gateway(() => valid)}/apis/ccompat/v7`;
    const file = join(ownFolder(), 'token');
    writeFileSync(file, 'the-first-token\n');
    const settings = readSettings(z.object(registrySettings), { REGISTRY_URL: url, REGISTRY_CA_FILE: ca, REGISTRY_TOKEN_FILE: file });
    const registry = registryService(settings);
    expect((await askService(registry, '/subjects')).status).toBe(200);
    valid = 'the-second-token';
    const refused = askService(registry, '/subjects');
    await expect(refused).rejects.toMatchObject({
      code: 'REGISTRY_LOGIN',
      message: expect.stringContaining('refuses the token') as string,
    });
    await expect(refused).rejects.not.toThrow(/the-first-token/);
    writeFileSync(file, 'the-second-token\n');
    expect((await askService(registry, '/subjects')).status).toBe(200);
  });

  test('gives the consumer its schemas', { timeout: 90_000 }, async () => {
    await stop('consumer');
    try {
      const url = `${await gateway(() => 'a-token')}/apis/ccompat/v7`;
      const { REGISTRY_CA_FILE: trusted = '' } = registryEnv(config, 'reader');
      const consumer = await startConsumer({
        ...{ REGISTRY_URL: url, REGISTRY_CA_FILE: trusted, REGISTRY_USERNAME: '', REGISTRY_PASSWORD: '', REGISTRY_TOKEN: 'a-token' },
      });
      await readsAnEvent(consumer);
      expect(consumer.log()).not.toContain('"a-token"');
      await consumer.stop();
    } finally {
      await start('consumer');
      await untilUp('consumer');
    }
  });
});
