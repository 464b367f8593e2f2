import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllowed } from './address-guard.ts';
import { readTargets } from './targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'targets-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'actions.json');

const secret = `whsec_${randomBytes(24).toString('base64')}`;
const env = {
  CRM_URL: 'https://example.com/path',
  SECRET: secret,
  OLD: `whsec_${randomBytes(32).toString('base64')}`,
  EMPTY: '',
  SHORT: 'whsec_abcd',
  TOKEN: 'Bearer abc',
  CRLF: 'a\r\nb: c',
};

const reading = {
  ...{ env, envNames: ['SECRET', 'OLD', 'EMPTY', 'SHORT', '*TOKEN', 'CRLF', 'NOTHING', 'NONE'] },
  ...{ allowed: parseAllowed(['127.0.0.1:3003'], [80, 443]), concurrency: 16, longestTimeoutMs: 20_000 },
};
function read(content: unknown) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readTargets(file, reading);
}
const good = { zap: '123/456', url: 'https://example.com/hook', secrets: ['env:SECRET'] };
const one = (more: object) => ({ targets: { crm: { ...good, ...more } } });

describe('actions.json', () => {
  test('gives each target its defaults', () => {
    const { byName } = read(one({}));
    expect(byName.get('crm')).toMatchObject({ method: 'POST', timeoutMs: 20_000, concurrency: 16, on4xx: 'retry', headers: {} });
    expect(byName.get('crm')?.url.href).toBe('https://example.com/hook');
    expect(byName.get('crm')?.keys).toEqual([Buffer.from(secret.slice(6), 'base64')]);
  });

  test('may name two secrets, a file of one, a URL and a header by reference', () => {
    writeFileSync(join(folder, 'key'), `${secret}\n`);
    const headers = { Authorization: 'env:TOKEN', 'X-Team': 'a b' };
    const { byName } = read(one({ url: 'env:CRM_URL', secrets: ['file:key', 'env:OLD'], headers }));
    expect(byName.get('crm')).toMatchObject({ headers: { authorization: 'Bearer abc', 'x-team': 'a b' } });
    expect(byName.get('crm')?.url.href).toBe('https://example.com/path');
    expect(byName.get('crm')?.keys.map((key) => key.length)).toEqual([24, 32]);
  });

  test('may name topics of AWS SNS whose subscriptions are confirmed', () => {
    const confirmSns = 'arn:aws:sns:*:123456789012:orders';
    const { all } = read({ targets: { topic: { zap: '123/456', confirmSns } } });
    expect(all).toMatchObject([{ name: 'topic', zap: '123/456', confirmSns, method: 'GET', keys: [], headers: {}, on4xx: 'dead' }]);
  });

  test.each([
    ['123/456', ['123/456']],
    ['123/*', ['123/456', '123/z']],
    ['*/*', ['123/456', '123/z', 'a/456', 'a-b/c_d']],
    ['*/456', ['123/456', 'a/456']],
    ['a-*/*', ['a-b/c_d']],
    ['123/4', []],
  ])('with the pattern %s means %j', (zap, expected) => {
    const { matching } = read(one({ zap }));
    const zaps = ['123/456', '123/z', 'a/456', 'a-b/c_d'];
    expect(zaps.filter((each) => matching(each).length > 0)).toEqual(expected);
    expect(zaps.filter((each) => matching(each).length > 0)).toEqual(expected);
  });

  test.each([
    ['{', /actions\.json: .*JSON/],
    [[], /actions\.json: /],
    [{}, /targets: /],
    [{ targets: { 'a.b': good } }, /a\.b: a name has/],
    [{ target: {}, targets: {} }, /Unrecognized key/],
    [one({ zap: '*/*/*' }), /crm\.zap: expected userId\/zapId/],
    [one({ zap: '.*/.*' }), /crm\.zap: expected userId\/zapId/],
    [one({ secret: 'x' }), /crm: Unrecognized key/],
    [one({ url: 'nowhere' }), /crm\.url: it is not a URL/],
    [one({ url: 'http://169.254.169.254/' }), /crm\.url: 169\.254\.169\.254 is link-local, cloud metadata\. .*ALLOW_TARGETS/],
    [one({ url: 'http://127.0.0.1:3004/' }), /crm\.url: 127\.0\.0\.1 is loopback/],
    [one({ url: 'https://user:secret@example.com/' }), /crm\.url: it carries a user or a password/],
    [one({ url: 'https://example.com:8083/' }), /crm\.url: port 8083 is not one of 80, 443/],
    [one({ url: 'env:NOWHERE' }), /crm\.url: env:NOWHERE is not one of/],
    [one({ secrets: [] }), /crm\.secrets: /],
    [one({ secrets: ['env:SECRET', 'env:OLD', 'env:SECRET'] }), /crm\.secrets: /],
    [one({ secrets: [secret] }), /crm\.secrets\.0: expected env:NAME or file:path; a secret does not belong in/],
    [one({ secrets: ['env:EMPTY'] }), /crm\.secrets\.0: env:EMPTY is empty/],
    [one({ secrets: ['file:nowhere'] }), /crm\.secrets\.0: .*nowhere cannot be read: ENOENT/],
    [one({ secrets: ['env:SHORT'] }), /crm\.secrets\.0: it has 3 bytes/],
    [one({ method: 'GET' }), /crm\.method: /],
    [one({ confirmSns: 'arn:aws:sns:eu-central-1:123456789012:orders' }), /crm: Unrecognized keys/],
    [{ targets: { sns: { zap: '1/2', confirmSns: '*' } } }, /sns\.confirmSns: expected topics such as arn:aws:sns/],
    [{ targets: { sns: { zap: '1/2', confirmSns: 'arn:aws:sns:eu-central-1:*:orders' } } }, /sns\.confirmSns: expected topics/],
    [{ targets: { 'a.b': { zap: '1', confirmSns: true } } }, /a\.b: a name has[^]*a\.b\.zap: [^]*a\.b\.confirmSns: /],
    [one({ timeoutSeconds: 21 }), /crm\.timeoutSeconds: /],
    [one({ concurrency: 0 }), /crm\.concurrency: /],
    ...[
      'Host',
      'Content-Length',
      'content-type',
      'Transfer-Encoding',
      'Connection',
      'webhook-id',
      'Webhook-Signature',
      'Proxy-Authorization',
      'Upgrade',
    ].map((name) => [one({ headers: { [name]: 'x' } }), new RegExp(`crm\\.headers\\.${name}: this header is not for targets`)]),
    [one({ headers: { 'x a': '1' } }), /crm\.headers\.x a: it is not the name of a header/],
    [one({ headers: { 'x-a\r\nx': '1' } }), /it is not the name of a header/],
    [one({ headers: { 'x-a': '1\r\nx-b: 2' } }), /crm\.headers\.x-a: it has characters that a header cannot carry/],
    [one({ headers: { 'x-a': 'env:CRLF' } }), /crm\.headers\.x-a: it has characters/],
    [one({ headers: { Authorization: 'Bearer abc' } }), /crm\.headers\.Authorization: expected env:NAME or file:path/],
  ] as [content: unknown, message: RegExp][])('is refused, with the place of the fault: %j', (content, message) => {
    expect(() => read(content)).toThrow(message);
  });

  test('is told of all its faults at once, and of no secret', () => {
    let message = '';
    try {
      read({ targets: { a: { ...good, url: 'ftp://x/', secrets: ['env:SHORT', secret] }, b: { ...good, zap: '' }, c: good } });
    } catch (error) {
      message = String(error);
    }
    expect(
      message
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(':')[0]),
    ).toEqual(['a.url', 'a.secrets.0', 'a.secrets.1', 'b.zap']);
    expect(message).not.toContain(env.SHORT);
  });

  test('cannot promise a call that outlives its lease', () => {
    writeFileSync(file, JSON.stringify(one({ timeoutSeconds: 10 })));
    expect(() => readTargets(file, { ...reading, longestTimeoutMs: 5000 })).toThrow('crm.timeoutSeconds: at most 5');
  });

  test.each([
    [
      'a variable that is not on the list',
      { headers: { 'x-a': 'env:CRM_URL' } },
      /crm\.headers\.x-a: env:CRM_URL is not one of .*ACTIONS_ENV/,
    ],
    ['a secret that is not on the list', { secrets: ['env:DATABASE_URL'] }, /crm\.secrets\.0: env:DATABASE_URL is not one of/],
    ['a file above its folder', { headers: { 'x-a': 'file:../secret' } }, /crm\.headers\.x-a: file:\S+ is not below .*ACTIONS_FILES/],
    ['a file elsewhere', { secrets: ['file:/etc/hostname'] }, /crm\.secrets\.0: file:\S+ is not below/],
    ['a file behind a link', { headers: { 'x-a': 'file:link' } }, /crm\.headers\.x-a: file:\S+ is not below .*ACTIONS_FILES/],
    ['a URL of another scheme from the environment', { url: 'env:DATABASE_URL' }, /crm\.url: .*neither http/],
    ['plain http: to a public name', { url: 'http://example.com/' }, /crm\.url: plain http:/],
    ['plain http: to a public address', { url: 'http://93.184.216.34/' }, /crm\.url: plain http:/],
  ])('may not refer to %s', (_what, more, message) => {
    rmSync(join(folder, 'link'), { force: true });
    symlinkSync('/etc/hostname', join(folder, 'link'));
    writeFileSync(file, JSON.stringify(one(more)));
    const withDatabase = { ...reading, env: { ...env, DATABASE_URL: 'postgresql://u:marker@h/d' } };
    expect(() => readTargets(file, withDatabase)).toThrow(message);
    expect(() => readTargets(file, withDatabase)).not.toThrow(/marker/);
  });

  test('may be told another folder for files, and that a public target is called without encryption', () => {
    const other = mkdtempSync(join(tmpdir(), 'secrets-'));
    writeFileSync(join(other, 'key'), secret);
    writeFileSync(file, JSON.stringify(one({ secrets: [`file:${join(other, 'key')}`], url: 'http://example.com/', insecure: true })));
    expect(readTargets(file, { ...reading, filesBelow: other }).byName.get('crm')).toMatchObject({ insecure: true });
    rmSync(other, { recursive: true });
  });

  test('that is not JSON is reported without its text', () => {
    for (const text of [`{"targets": ${secret}}`, `{"targets": {"a": "${secret}`, secret]) {
      expect(() => read(text)).toThrow(/is not valid JSON/);
      expect(() => read(text)).not.toThrow(new RegExp(secret.slice(6, 12)));
    }
  });
});
