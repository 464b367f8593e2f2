import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

// What start.sh gives to the worker. That the worker can use it is tried on real servers, in test/secure/.

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Runs start.sh as in its container, with a `java` that prints its environment and arguments. */
function run(env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'start-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [home, state, bin] = ['connect', 'state', 'bin'].map((name) => join(folder, name)) as [string, string, string];
  for (const one of [home, state, bin]) mkdirSync(one);
  for (const name of ['start.sh', 'worker.properties']) copyFileSync(file(name), join(home, name));
  writeFileSync(join(bin, 'java'), '#!/bin/sh\nenv\nfor one in "$@"; do echo "argument: $one"; done\n', { mode: 0o755 });
  const given = { ...process.env, JAVA: join(bin, 'java'), CONNECT_STATE: state, REST_LOGIN: 'outbox=rest-secret', ...env };
  const { status, stdout, stderr } = spawnSync('sh', [join(home, 'start.sh')], { env: given, encoding: 'utf8' });
  const read = (name: string) => readFileSync(join(state, name), 'utf8');
  return { status, stderr, home, state, read, said: stdout };
}

test('the worker gets its jars, its logging and the logins’ file from its own folder, and no password', () => {
  const { said, home, state, read } = run({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_USERNAME: 'connect', KAFKA_PASSWORD: 'a "b\\c' });
  const given = [...said.matchAll(/^argument: (.*)$/gm)].map(([, argument]) => argument);
  expect(given).toEqual([
    '-XX:+UseSerialGC',
    `-Dlog4j2.configurationFile=${home}/log4j2.yaml`,
    `-Djava.security.auth.login.config=${state}/connect.jaas`,
    '-Dorg.apache.kafka.automatic.config.providers=org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    ...['-cp', `${home}/kafka/*`, 'org.apache.kafka.connect.cli.ConnectDistributed', `${state}/connect.properties`],
  ]);
  expect(said).not.toMatch(/rest-secret|a "b|REST_LOGIN|KAFKA_PASSWORD/);
  expect(read('connect.users')).toBe('outbox=rest-secret\n');
  expect(read('connect.jaas')).toContain('scram.ScramLoginModule required username="connect" password="a \\"b\\\\c";');
  // As worker.properties has it: without TLS there is nothing to add.
  expect(read('connect.properties')).toBe(readFileSync(file('worker.properties'), 'utf8'));
});

test('by default the connector verifies no certificate, as Debezium', () => {
  expect(run({}).said).toMatch(/^CDC_DATABASE_SSLMODE=prefer$/m);
  expect(run({}).said).toMatch(/^CDC_DATABASE_SSLROOTCERT=$/m);
  expect(run({ CDC_DATABASE_SSLMODE: 'verify-full' }).said).toMatch(/^CDC_DATABASE_SSLMODE=verify-full$/m);
});

test('a CA and a client certificate count for the worker and for the clients that it makes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  writeFileSync(cert, 'the certificate\n');
  writeFileSync(key, 'the key\n');
  const { read, state } = run({ KAFKA_CA_FILE: '/ca.pem', KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key });
  for (const whose of ['', 'producer.', 'consumer.', 'admin.']) {
    expect(read('connect.properties')).toContain(`\n${whose}ssl.truststore.location=/ca.pem\n`);
    expect(read('connect.properties')).toContain(`\n${whose}ssl.keystore.location=${state}/connect.pem\n`);
  }
  expect(read('connect.pem')).toBe('the key\nthe certificate\n');
});

test.each([
  ['PLAIN', { KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p' }, 'plain.PlainLoginModule required username="u" password="p";'],
  [
    'OAUTHBEARER',
    { KAFKA_OAUTH_TOKEN_URL: 'https://idp/token', KAFKA_OAUTH_CLIENT_ID: 'c', KAFKA_OAUTH_CLIENT_SECRET: 's', KAFKA_OAUTH_SCOPE: 'k' },
    'oauthbearer.OAuthBearerLoginModule required clientId="c" clientSecret="s" scope="k";',
  ],
])('%s has its login module', (mechanism, env, login) => {
  const { read, said } = run({ KAFKA_SASL_MECHANISM: mechanism, ...env });
  expect(read('connect.jaas')).toContain(login);
  expect(said).not.toMatch(/KAFKA_PASSWORD|CLIENT_SECRET/);
  if (mechanism === 'OAUTHBEARER') {
    expect(read('connect.properties')).toContain('\nadmin.sasl.oauthbearer.token.endpoint.url=https://idp/token\n');
    expect(said).toContain('argument: -Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=https://idp/token\n');
  }
});

test('without the login of its REST interface it does not start', () => {
  expect(run({ REST_LOGIN: '' })).toMatchObject({ status: 1, stderr: 'REST_LOGIN must be NAME=PASSWORD\n' });
});
