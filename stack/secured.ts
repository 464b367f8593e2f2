import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { certificates, ensureCertificates } from './certificates.ts';
import { kafkaSecret, type StackConfig } from './config.ts';
import { writePrivate } from './private-file.ts';

// What STACK_TLS changes on the embedded stack's servers, so that they are as closed as a company's own: TLS alone, a
// client certificate for Kafka, and every kind of login that the services know.

/** The audience that a token for Kafka must name. */
export const TOKEN_AUDIENCE = 'outbox-kafka';
/** The name of the key in the set of keys. */
export const TOKEN_KEY_ID = 'outbox';

/** Makes the certificates, and the key of the tokens, where they are missing. */
export function ensureSecured({ dir }: StackConfig): void {
  ensureCertificates(dir);
  const { token, jwks } = certificates(dir);
  if (existsSync(jwks)) return;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writePrivate(token, [privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()]);
  const key = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: TOKEN_KEY_ID, alg: 'RS256', use: 'sig' };
  writeFileSync(jwks, JSON.stringify({ keys: [key] }));
}

/** TLS for a Java client or server of Kafka, as lines of a properties file. */
export function javaTls({ dir }: StackConfig, as: 'server' | 'client'): string[] {
  const { ca, [as]: own } = certificates(dir);
  return ['ssl.truststore.type=PEM', `ssl.truststore.location=${ca}`, 'ssl.keystore.type=PEM', `ssl.keystore.location=${own.both}`];
}

const MODULES = 'org.apache.kafka.common.security';

/** The broker's settings; they come after those of kafka.properties, and replace them. */
export function brokerTls(config: StackConfig, listener: string): string[] {
  const of = `listener.name.${listener.toLowerCase()}`;
  const users = (['consumer', 'connect'] as const).map((name) => `user_${name}="${kafkaSecret(config, name)}"`).join(' ');
  return [
    `listener.security.protocol.map=${listener}:SASL_SSL,CONTROLLER:SASL_PLAINTEXT`,
    ...javaTls(config, 'server'),
    `${of}.ssl.client.auth=required`,
    'sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER',
    `${of}.scram-sha-256.sasl.jaas.config=${MODULES}.scram.ScramLoginModule required;`,
    `${of}.plain.sasl.jaas.config=${MODULES}.plain.PlainLoginModule required ${users};`,
    `${of}.oauthbearer.sasl.jaas.config=${MODULES}.oauthbearer.OAuthBearerLoginModule required;`,
    `${of}.oauthbearer.sasl.server.callback.handler.class=${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
    `${of}.sasl.oauthbearer.jwks.endpoint.url=${jwksUrl(config)}`,
    `${of}.sasl.oauthbearer.expected.audience=${TOKEN_AUDIENCE}`,
  ];
}

const jwksUrl = ({ dir }: StackConfig) => pathToFileURL(certificates(dir).jwks).href;

/** Kafka reads sets of keys only from addresses that its process was told of. */
export const brokerOptions = (config: StackConfig): string[] => [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl(config)}`];

/** The arguments of Postgres. */
export function postgresTls({ dir }: StackConfig): string[] {
  const { cert, key } = postgresFiles(dir);
  return ['-c', 'ssl=on', '-c', `ssl_cert_file=${cert}`, '-c', `ssl_key_file=${key}`];
}

const postgresFiles = (dir: string) => ({ cert: join(dir, 'tls', 'postgres.pem'), key: join(dir, 'tls', 'postgres.key') });

/** Postgres reads a key only if it is the key's owner. */
export function copyForPostgres({ dir }: StackConfig, user: { uid: number; gid: number } | undefined): void {
  const { server } = certificates(dir);
  const { cert, key } = postgresFiles(dir);
  copyFileSync(server.cert, cert);
  copyFileSync(server.key, key);
  chmodSync(key, 0o600);
  if (user !== undefined) for (const file of [cert, key]) chownSync(file, user.uid, user.gid);
}

/** The registry's settings, in place of QUARKUS_HTTP_PORT. */
export const registryTls = ({ dir, REGISTRY_PORT }: StackConfig) => ({
  QUARKUS_HTTP_INSECURE_REQUESTS: 'disabled',
  QUARKUS_HTTP_SSL_PORT: String(REGISTRY_PORT),
  QUARKUS_HTTP_SSL_CERTIFICATE_FILES: certificates(dir).server.cert,
  QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES: certificates(dir).server.key,
});
