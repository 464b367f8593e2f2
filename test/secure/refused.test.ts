import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONNECTOR_NAME } from '../../contract/names.ts';
import { certificates, issue } from '../../stack/certificates.ts';
import { connectEnv, registryEnv } from '../../stack/http-logins.ts';
import { kafkaEnv } from '../../stack/kafka-logins.ts';
import { databaseUrl } from '../../stack/config.ts';
import { connect, untilRunning } from '../support/connector.ts';
import { freePorts } from '../support/free-ports.ts';
import { outboxWith } from '../support/operate.ts';
import { expectNoSecret, foreignAuthority, ownFolder, postgresPrograms, startConsumer, startProgram, urlWith } from '../support/secured.ts';
import { config, stack, start, stop, untilUp } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';
import { startWorker } from '../support/worker.ts';

// A client that is not as the servers want it is refused, and the service says by a code what arrived and what to do.

const { ca } = certificates(config.dir);

describe('Kafka refuses, and the consumer ends with a code and the setting to change:', () => {
  beforeAll(() => stop('consumer'));
  afterAll(async () => {
    await start('consumer');
    await untilUp('consumer');
  });

  const withoutTls = { KAFKA_CA_FILE: '', KAFKA_CERT_FILE: '', KAFKA_KEY_FILE: '' };
  test.each<[string, () => Record<string, string>, string, RegExp]>([
    ['no TLS', () => withoutTls, 'KAFKA_CLOSED', /without TLS: .*set KAFKA_TLS=true, and KAFKA_CA_FILE/],
    [
      'no TLS and no login',
      () => ({ ...withoutTls, KAFKA_SASL_MECHANISM: '', KAFKA_USERNAME: '', KAFKA_PASSWORD: '' }),
      'KAFKA_CLOSED',
      /without TLS and a login/,
    ],
    ['TLS with Node’s list of CAs', () => ({ ...withoutTls, KAFKA_TLS: 'true' }), 'KAFKA_TLS', /not trusted here .*KAFKA_CA_FILE/],
    ['a wrong CA', () => ({ KAFKA_CA_FILE: foreignAuthority().cert }), 'KAFKA_TLS', /not trusted here .*KAFKA_CA_FILE/],
    [
      'no client certificate',
      () => ({ KAFKA_CERT_FILE: '', KAFKA_KEY_FILE: '' }),
      'KAFKA_TLS',
      /client certificate.*KAFKA_CERT_FILE and KAFKA_KEY_FILE/,
    ],
    [
      'a client certificate of another CA',
      () => {
        const { cert, key } = issue(foreignAuthority(), ownFolder(), 'foreign');
        return { KAFKA_CERT_FILE: cert, KAFKA_KEY_FILE: key };
      },
      'KAFKA_TLS',
      /client certificate.*KAFKA_CERT_FILE and KAFKA_KEY_FILE/,
    ],
    [
      'a wrong password',
      () => ({ KAFKA_PASSWORD: 'a-wrong-password' }),
      'KAFKA_LOGIN',
      /refuses the login "consumer" \(SCRAM-SHA-512\).*KAFKA_PASSWORD/,
    ],
    [
      'no login',
      () => ({ KAFKA_SASL_MECHANISM: '', KAFKA_USERNAME: '', KAFKA_PASSWORD: '' }),
      'KAFKA_CLOSED',
      /without a login.*KAFKA_SASL_MECHANISM/,
    ],
  ])('%s', { timeout: 90_000 }, async (_what, env, code, words) => {
    const consumer = await startConsumer(env());
    expect(await consumer.ended).toBe(1);
    // kafkajs may still report a connection that it gave up.
    const lines = consumer
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number });
    expect(lines.filter(({ level }) => level === 60)).toEqual([
      expect.objectContaining({ code, msg: expect.stringMatching(words) as string }),
    ]);
    expect(consumer.log()).not.toContain('a-wrong-password');
    expectNoSecret(consumer.log());
  });

  test('a file that is not there, before anything is tried', async () => {
    const consumer = await startConsumer({ KAFKA_CA_FILE: '/nowhere/ca.pem' });
    expect(await consumer.ended).toBe(2);
    expect(consumer.log()).toMatch(/SETTINGS_INVALID: [^]*KAFKA_CA_FILE is "\/nowhere\/ca.pem": \/nowhere\/ca.pem cannot be read: ENOENT/);
  });

  test('and register, cleanup and the doctor say it in the same words', { timeout: 120_000 }, async () => {
    const wrong = { KAFKA_CA_FILE: foreignAuthority().cert };
    const register = startProgram('connect/main.ts', {
      ...{
        ...kafkaEnv(config, 'register'),
        ...registryEnv(config, 'writer'),
        ...connectEnv(config),
        DATABASE_URL: databaseUrl(config, 'operator'),
      },
      ...wrong,
    });
    const doctor = outboxWith(wrong, 'doctor');
    const cleanup = startProgram('cleanup/main.ts', {
      ...{
        ...kafkaEnv(config, 'cleanup'),
        DATABASE_URL: databaseUrl(config, 'cleanup'),
        DRY_RUN: 'true',
        METRICS_PORT: String((await freePorts(1))[0]),
        ...wrong,
      },
    });
    for (const [program, code] of [
      [register, 1],
      [cleanup, 1],
    ] as const) {
      expect(await program.ended).toBe(code);
      expect(program.log()).toMatch(/"code":"KAFKA_TLS".*not trusted here/);
    }
    expect(await doctor).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/broken +KAFKA_TLS .*not trusted here[^]*KAFKA_CA_FILE/) as string,
    });
  });
});

describe.each(Object.entries(postgresPrograms))('Postgres refuses, and %s says why:', (_file, { login, start: startIt }) => {
  const refusals: [string, () => string, RegExp][] = [
    ['no TLS', () => urlWith(login, undefined), /POSTGRES_TLS.*without TLS.*no encryption.*Add sslmode=verify-full to DATABASE_URL/],
    ['a wrong CA', () => urlWith(login, foreignAuthority().cert), /POSTGRES_TLS.*not trusted here.*sslrootcert/],
    [
      'a wrong password',
      () => urlWith(login, ca).replace(config.secrets[login], 'a-wrong-password'),
      /POSTGRES_LOGIN.*password authentication failed.*DATABASE_URL/,
    ],
  ];
  test.each(refusals)('%s', { timeout: 90_000 }, async (_what, url, words) => {
    const program = await startIt(url());
    await program.says(new RegExp(words.source, 's'));
    expect(program.log()).not.toContain('a-wrong-password');
    expectNoSecret(program.log());
  });

  test('a CA file that is not there, before anything is tried', async () => {
    const program = await startIt(urlWith(login, '/nowhere/ca.pem'));
    await program.says(/SETTINGS_INVALID[^]*DATABASE_URL is set: \/nowhere\/ca.pem cannot be read: ENOENT/);
    expectNoSecret(program.log());
  });
});

describe('the registry refuses, and register says why:', () => {
  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      'no TLS',
      () => ({ REGISTRY_URL: `http://127.0.0.1:${config.REGISTRY_PORT}/apis/ccompat/v7`, REGISTRY_CA_FILE: '' }),
      /"code":"SCHEMA_REFUSED".*http:\/\/.*REGISTRY_URL/,
    ],
    ['Node’s list of CAs', () => ({ REGISTRY_CA_FILE: '' }), /"code":"REGISTRY_TLS".*not trusted here.*REGISTRY_CA_FILE/],
    ['a wrong CA', () => ({ REGISTRY_CA_FILE: foreignAuthority().cert }), /"code":"REGISTRY_TLS".*not trusted here.*REGISTRY_CA_FILE/],
    ['a wrong password', () => ({ REGISTRY_PASSWORD: 'a-wrong-password' }), /"code":"REGISTRY_LOGIN".*refuses the login \\"writer\\"/],
    ['a login that may only read', () => registryEnv(config, 'reader'), /"code":"REGISTRY_LOGIN".*does not allow the login \\"reader\\"/],
  ])('%s', { timeout: 60_000 }, async (_what, env, words) => {
    const register = startProgram('connect/main.ts', {
      ...{
        ...kafkaEnv(config, 'register'),
        ...registryEnv(config, 'writer'),
        ...connectEnv(config),
        DATABASE_URL: databaseUrl(config, 'operator'),
      },
      ...env(),
    });
    expect(await register.ended).toBe(1);
    expect(register.log()).toMatch(words);
    expect(register.log()).not.toContain('a-wrong-password');
    expectNoSecret(register.log());
  });
});

test(
  'Postgres refuses a connector without TLS, and a connector refuses a Postgres of another CA, and the doctor sees both',
  { timeout: 240_000 },
  async () => {
    const trace = async () => (await connect.status(CONNECTOR_NAME))?.tasks.map((task) => task.trace ?? '').join();
    const worker = (env: Record<string, string>) => startWorker((properties) => properties, config.CONNECT_PORT, env);
    await stop('watch', 'connect');
    try {
      const open = await worker({ CDC_DATABASE_SSLMODE: 'disable' });
      try {
        await waitFor('the task has failed', async () => (await trace())?.includes('no encryption'), 60_000);
        expect((await outboxWith({}, 'doctor')).stdout).toMatch(/broken +CONNECTOR_FAILED/);
      } finally {
        await open();
      }
      const foreign = await worker({ CDC_DATABASE_SSLROOTCERT: foreignAuthority().cert });
      try {
        // The connector takes it for a fault that may pass, and tries again.
        await waitFor('it says why', async () => /SSL error: .*PKIX/.test(await stack.log('connect-of-a-test')), 60_000);
        expect((await outboxWith({}, 'doctor')).stdout).toMatch(/broken +SLOT_UNREAD/);
        expectNoSecret(await stack.log('connect-of-a-test'));
      } finally {
        await foreign();
      }
    } finally {
      await start('connect', 'watch');
      await untilUp('connect', 'watch');
      await connect.restart(CONNECTOR_NAME, false);
      await untilRunning();
    }
  },
);
