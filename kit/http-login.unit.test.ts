import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { askService, connectService, connectSettings, registryService, registrySettings } from './http-login.ts';
import { loggable, readSettings } from './settings.ts';

const schema = z.object({ ...connectSettings, ...registrySettings });

describe.each(['CONNECT', 'REGISTRY'] as const)('the login of %s', (kind) => {
  const serviceOf = (env: Record<string, string>) => {
    const settings = readSettings(schema, env);
    return kind === 'CONNECT' ? connectService(settings) : registryService(settings);
  };

  test('is not sent unless it is set', () => {
    expect(serviceOf({})).toMatchObject({ user: undefined, headers: {} });
  });

  test('is Basic with user and password, which may come from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'login-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'password'), 'pässword:1\n');
    const { headers } = serviceOf({ [`${kind}_USERNAME`]: 'someone', [`${kind}_PASSWORD_FILE`]: join(folder, 'password') });
    expect(headers.authorization).toBe(`Basic ${Buffer.from('someone:pässword:1').toString('base64')}`);
  });

  test('is refused when one of the two is missing, or the user has a colon', () => {
    const has = { user: { [`${kind}_USERNAME`]: 'someone' }, password: { [`${kind}_PASSWORD`]: 'secret' } };
    expect(() => serviceOf(has.user)).toThrow(`${kind}_PASSWORD is not set: ${kind}_USERNAME needs it`);
    expect(() => serviceOf(has.password)).toThrow(`${kind}_USERNAME is not set: ${kind}_PASSWORD needs it`);
    expect(() => serviceOf({ ...has.password, [`${kind}_USERNAME`]: 'some:one' })).toThrow(/without a colon/);
  });

  test('is never logged', () => {
    const settings = readSettings(schema, { [`${kind}_USERNAME`]: 'someone', [`${kind}_PASSWORD`]: 'hidden' });
    expect(JSON.stringify(loggable(schema, settings))).not.toContain('hidden');
  });

  test.each([
    ['none', 401, {}, 'requires a login. Set'],
    ['wrong', 401, { user: 'someone' }, 'refuses the login "someone"'],
    ['without the right', 403, { user: 'someone' }, 'does not allow the login "someone" to PUT /config'],
  ])('that is %s is an error with a code, the address and the settings', async (_name, status, { user }: { user?: string }, says) => {
    const server = createServer((_request, response) => response.writeHead(status).end('no'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const login = user === undefined ? {} : { [`${kind}_USERNAME`]: user, [`${kind}_PASSWORD`]: 'hidden' };
    const refused = askService(serviceOf({ [`${kind}_URL`]: `${url}/`, ...login }), '/config', { method: 'PUT' });
    await expect(refused).rejects.toMatchObject({ name: 'ConnectionFault', code: `${kind}_LOGIN` });
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(url);
    await expect(refused).rejects.toThrow(`${kind}_USERNAME and ${kind}_PASSWORD`);
  });
});

describe('a bearer token for the registry', () => {
  test('is read from its file again for each request, as somebody renews it', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'token-')), 'token');
    onTestFinished(() => rmSync(file));
    writeFileSync(file, 'first\n');
    const service = registryService(readSettings(schema, { REGISTRY_TOKEN_FILE: file }));
    expect(service.headers).toEqual({ authorization: 'Bearer first' });
    writeFileSync(file, 'second\n');
    expect(service.headers).toEqual({ authorization: 'Bearer second' });
  });

  test('is refused beside a user, and a CA without https', () => {
    const both = { REGISTRY_TOKEN: 'hidden', REGISTRY_USERNAME: 'someone', REGISTRY_PASSWORD: 'secret' };
    expect(() => readSettings(schema, both)).toThrow('REGISTRY_TOKEN is set: REGISTRY_USERNAME is set too: set only one of them');
    const ca = { REGISTRY_CA_FILE: import.meta.filename, REGISTRY_URL: 'http://registry' };
    expect(() => readSettings(schema, ca)).toThrow('REGISTRY_URL is "http://registry": REGISTRY_CA_FILE needs https://');
  });
});
