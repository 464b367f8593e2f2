import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readText } from './follow-files.ts';
import { readSecret, secretReference, textOrReference } from './secrets.ts';

const around = mkdtempSync(join(tmpdir(), 'secrets-'));
afterAll(() => rmSync(around, { recursive: true }));
const folder = join(around, 'own');
for (const name of ['own', 'own-not', 'own/deep', 'own/..2026_11_30']) mkdirSync(join(around, name));
writeFileSync(join(folder, 'key'), ' abc \n');
writeFileSync(join(folder, 'nothing'), '\n');
writeFileSync(join(folder, '..2026_11_30', 'key'), 'mounted\n');
writeFileSync(join(around, 'own-not', 'key'), 'not');
symlinkSync('/etc/hostname', join(folder, 'link'));
symlinkSync('link', join(folder, 'link to a link'));
symlinkSync('../own-not', join(folder, 'a linked folder'));
symlinkSync('/nowhere/at/all', join(folder, 'a dead link'));
symlinkSync('itself', join(folder, 'itself'));
// As Kubernetes mounts one.
symlinkSync('..2026_11_30', join(folder, '..data'));
symlinkSync('..data/key', join(folder, 'mounted'));

describe('a reference to a secret', () => {
  test.each<[unknown, { kind: string; name: string }]>([
    ['env:NAME', { kind: 'env', name: 'NAME' }],
    ['file:a/b c', { kind: 'file', name: 'a/b c' }],
    [{ env: 'NAME' }, { kind: 'env', name: 'NAME' }],
    [{ file: '/a/b' }, { kind: 'file', name: '/a/b' }],
  ])('may be written as %j', (written, meant) => {
    expect(secretReference().parse(written)).toEqual(meant);
    expect(textOrReference().parse(written)).toEqual(meant);
  });

  test.each<[unknown, RegExp]>([
    ['the secret itself', /expected env:NAME or file:path; a secret does not belong in this file/],
    ['env:', /expected env:NAME or file:path/],
    [{ env: '' }, /expected env:NAME or file:path/],
    [{ value: 'x' }, /expected env:NAME or file:path/],
    [{ env: 'A', file: 'b' }, /expected either "env" or "file", and nothing else/],
    [null, /expected env:NAME or file:path/],
    [7, /expected env:NAME or file:path/],
  ])('cannot be %j, and the error does not repeat it', (written, why) => {
    const message = secretReference().safeParse(written).error?.issues[0]?.message ?? '';
    expect(message).toMatch(why);
    expect(message).not.toContain('the secret itself');
  });

  test('may be a text instead where that is allowed', () => {
    expect(textOrReference().parse('https://example.com/')).toBe('https://example.com/');
    expect(textOrReference().safeParse({ url: 'x' }).success).toBe(false);
  });
});

describe('a secret', () => {
  const limits = { envNames: ['*_SECRET', '__*__', 'c*'], envSetting: 'ACTIONS_ENV', filesBelow: folder, filesSetting: 'ACTIONS_FILES' };
  const read = (written: string, limited = false) =>
    readSecret(secretReference().parse(written), {
      ...{ env: { A_SECRET: 'x', EMPTY_SECRET: '', DATABASE_URL: 'y' }, read: readText, folder },
      ...(limited && { limits }),
    });

  test('from a file is its text without the line break at the end', () => {
    expect([read('file:key'), read('env:A_SECRET')]).toEqual([' abc ', 'x']);
  });

  test.each([
    ['env:NONE_SECRET', /^env:NONE_SECRET is not set$/],
    ['env:EMPTY_SECRET', /^env:EMPTY_SECRET is empty$/],
    ['file:nothing', /^file:nothing is empty$/],
    ['file:none', /none cannot be read: ENOENT$/],
    ['file:a dead link', /a dead link cannot be read: ENOENT$/],
    ['file:itself', /itself cannot be read: ELOOP$/],
    ['file:deep', /deep cannot be read: NOT_A_FILE$/],
    ['file:.', /cannot be read: NOT_A_FILE$/],
    // What every object has is not a variable.
    ['env:constructor', /^env:constructor is not set$/],
    ['env:__proto__', /^env:__proto__ is not set$/],
  ])('that is missing, %s, is reported by its name', (written, why) => {
    for (const limited of [false, true]) expect(() => read(written, limited)).toThrow(why);
  });

  test.each([
    ['env:DATABASE_URL', /^env:DATABASE_URL is not one of \*_SECRET, \S+, \S+: add it to ACTIONS_ENV if it is meant$/],
    ['file:../x', /^file:\.\.\/x is not below .*: set ACTIONS_FILES if it is meant$/],
    ['file:/etc/hostname', /is not below/],
    ['file:link', /is not below/],
    ['file:link to a link', /is not below/],
    ['file:a linked folder/key', /is not below/],
    ['file:../own-not/key', /is not below/],
    ['file:deep/../../own-not/key', /is not below/],
    ['file:deep/../link', /is not below/],
    ['file:/proc/self/environ', /is not below/],
    ['file:..', /is not below/],
    ['env:a_secret', /^env:a_secret is not one of/],
    ['env:A_SECRET_', /^env:A_SECRET_ is not one of/],
    ['env:A_SECRET ', /^env:A_SECRET {2}is not one of/],
  ])('that may not leave the process, %s, is refused with the setting that would allow it', (written, why) => {
    expect(() => read(written, true)).toThrow(why);
  });

  test.each(['key', './key', 'deep/../key', '..data/key', '..2026_11_30/key', 'mounted'])(
    'of the folder that is allowed, by the path %s, is read',
    (path) => {
      expect(read(`file:${path}`, true).length).toBeGreaterThan(0);
      expect(read(`file:${join(folder, path)}`, true)).toBe(read(`file:${path}`, true));
    },
  );

  test('that stays in the process may come from any variable or file', () => {
    expect([read('env:DATABASE_URL'), read('file:link').length > 0]).toEqual(['y', true]);
  });
});
