import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConnectionFault } from './connection-fault.ts';
import { kafkaFault } from './kafka-fault.ts';
import { kafkaSettings } from './kafka-settings.ts';
import { readSettings } from './settings.ts';

// How errors of kafkajs are named; that brokers cause them is tried on real ones, in test/secure/.

const settings = (env: Record<string, string>) => readSettings(z.object(kafkaSettings), { KAFKA_BROKERS: 'broker:9092', ...env });
const scram = { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_USERNAME: 'someone', KAFKA_PASSWORD: 'hidden' };
const secure = { ...scram, KAFKA_TLS: 'true' };
const oauth = {
  ...{ KAFKA_TLS: 'true', KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_OAUTH_TOKEN_URL: 'https://idp/token' },
  ...{ KAFKA_OAUTH_CLIENT_ID: 'someone', KAFKA_OAUTH_CLIENT_SECRET: 'hidden' },
};
const connection = (message: string, code?: string) =>
  new kafkajs.KafkaJSConnectionError(message, { broker: 'broker:9092', ...(code && { code }) });
const refused = (message: string) =>
  Object.assign(new kafkajs.KafkaJSNonRetriableError(message), { name: 'KafkaJSSASLAuthenticationError' });
const afterRetries = (error: Error) => new kafkajs.KafkaJSNumberOfRetriesExceeded(error, { retryCount: 5, retryTime: 1000 });

test.each([
  ['a connection that is gone after a token', oauth, connection('No brokers in the broker pool'), 'KAFKA_LOGIN', 'refuses the token'],
  ['a refused login', scram, refused('SASL SCRAM authentication failed'), 'KAFKA_LOGIN', 'refuses the login "someone"'],
  ['a refused token', oauth, refused('invalid_token'), 'KAFKA_LOGIN', 'refuses the token'],
  ['a connection that is closed after a token', oauth, afterRetries(connection('Closed connection')), 'KAFKA_LOGIN', 'refuses the token'],
  [
    'an unknown CA',
    secure,
    afterRetries(connection('Connection error: self-signed', 'SELF_SIGNED_CERT_IN_CHAIN')),
    'KAFKA_TLS',
    'KAFKA_CA_FILE',
  ],
  [
    'a closed connection without TLS',
    scram,
    afterRetries(connection('Closed connection')),
    'KAFKA_CLOSED',
    'without TLS: Closed connection. If its port requires TLS',
  ],
  [
    'a closed connection without anything',
    {},
    connection('Connection error: read ECONNRESET', 'ECONNRESET'),
    'KAFKA_CLOSED',
    'without TLS and a login',
  ],
  ['a closed connection with all of it', secure, connection('Closed connection'), 'KAFKA_UNREACHABLE', 'Is KAFKA_BROKERS right?'],
  [
    'no broker',
    {},
    afterRetries(connection('Connection error: connect ECONNREFUSED', 'ECONNREFUSED')),
    'KAFKA_UNREACHABLE',
    'does not answer: Connection error',
  ],
])('%s has a code, the address and what to do', (_what, env, error, code, words) => {
  const fault = kafkaFault(settings(env), error);
  expect(fault).toMatchObject({ code, message: expect.stringContaining(words) as string });
  expect(fault.message).toContain('broker:9092');
  expect(fault.message).not.toContain('hidden');
});

test('a token endpoint’s own fault is kept', () => {
  const own = new ConnectionFault('KAFKA_OAUTH', 'the token endpoint answers 401', 'Is it right?');
  expect(kafkaFault(settings(oauth), afterRetries(own))).toBe(own);
});
