import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { kafkaSettings } from './kafka-settings.ts';
import { loggable, readSettings, SettingsError } from './settings.ts';

const schema = z.object(kafkaSettings);
let folder: string;
let pem: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-'));
  pem = join(folder, 'some.pem');
  writeFileSync(pem, 'pem');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The settings that the message names, in its order. */
function faulty(env: Record<string, string>): string[] {
  try {
    readSettings(schema, env);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(' ')[0] ?? '');
  }
}

const scram = { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p' };
const oauth = {
  KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
  KAFKA_OAUTH_TOKEN_URL: 'https://login.example/token',
  KAFKA_OAUTH_CLIENT_ID: 'c',
  KAFKA_OAUTH_CLIENT_SECRET: 's',
};

describe("the settings of Kafka's connection", () => {
  test('are valid when nothing is set, with each mechanism, and with TLS by a CA alone', () => {
    for (const env of [{}, scram, { ...scram, KAFKA_SASL_MECHANISM: 'PLAIN' }, oauth, { KAFKA_CA_FILE: pem }, { KAFKA_TLS: 'true' }])
      expect(faulty(env)).toEqual([]);
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['a password login without user and password', { KAFKA_SASL_MECHANISM: 'PLAIN' }, ['KAFKA_USERNAME', 'KAFKA_PASSWORD']],
    ['a password without a mechanism', { KAFKA_PASSWORD: 'p' }, ['KAFKA_PASSWORD']],
    ['tokens with a password', { ...oauth, KAFKA_PASSWORD: 'p' }, ['KAFKA_PASSWORD']],
    ['a scope with a password login', { ...scram, KAFKA_OAUTH_SCOPE: 's' }, ['KAFKA_OAUTH_SCOPE']],
    ['tokens without an endpoint', { ...oauth, KAFKA_OAUTH_TOKEN_URL: '' }, ['KAFKA_OAUTH_TOKEN_URL']],
  ])('%s is a fault of each setting to change', (_what, env, names) => {
    expect(faulty(env)).toEqual(names);
  });

  test('a certificate without its key, a CA with TLS off, a missing file and a wrong mechanism are reported at once', () => {
    const env = { KAFKA_CERT_FILE: pem, KAFKA_CA_FILE: join(folder, 'none'), KAFKA_TLS: 'false', KAFKA_SASL_MECHANISM: 'MD5' };
    expect(new Set(faulty(env))).toEqual(
      new Set(['KAFKA_CA_FILE', 'KAFKA_SASL_MECHANISM', 'KAFKA_KEY_FILE', 'KAFKA_TLS', 'KAFKA_USERNAME', 'KAFKA_PASSWORD']),
    );
  });

  test('a secret comes from its file, and is not logged', () => {
    const path = join(folder, 'password');
    writeFileSync(path, 'from the file\n');
    const settings = readSettings(schema, { ...scram, KAFKA_PASSWORD: '', KAFKA_PASSWORD_FILE: path });
    expect(settings.KAFKA_PASSWORD).toBe('from the file');
    expect(loggable(schema, settings)).toMatchObject({ KAFKA_PASSWORD: 'set', KAFKA_OAUTH_CLIENT_SECRET: 'unset' });
  });

  test('a secret that is set twice, or whose file is missing, is a fault', () => {
    expect(faulty({ ...scram, KAFKA_PASSWORD_FILE: pem })).toEqual(['KAFKA_PASSWORD']);
    expect(faulty({ ...scram, KAFKA_PASSWORD: '', KAFKA_PASSWORD_FILE: join(folder, 'none') })).toEqual(['KAFKA_PASSWORD']);
  });
});
