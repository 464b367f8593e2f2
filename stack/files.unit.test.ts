import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { filesOverride } from './compose-files.ts';
import { StackError } from './errors.ts';
import { readHandedFiles, references } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: unknown, mode = 0o644): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}
const withSecret = (secret: unknown) => ({ zaps: [{ userId: 'u', zapId: 'z', signature: { scheme: 'github', secrets: [secret] } }] });
/** A file with no target, where the one of the repository is not what a test is about. */
const env = (more: Record<string, string>) => ({ ACTIONS_FILE: write('actions.json', { targets: {} }), ...more });
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'nothing';
  } catch (error) {
    return error instanceof StackError ? error.code : String(error);
  }
};
const handOn = (more: Record<string, string>, hidden: string[] = []) => filesOverride(readHandedFiles(env(more)), hidden).services;

describe('the files that settings name', () => {
  test('are handed on in Docker by their folders, at the same paths, read-only, and with the names of the variables only', () => {
    const secret = write('secret', 's');
    const ZAPS_FILE = write('zaps.json', { ...withSecret({ env: 'MY_SECRET' }), more: [{ file: 'secret' }] });
    const { ingest } = handOn({ ZAPS_FILE, MY_SECRET: 'never written' });
    expect(ingest?.environment).toEqual({ ZAPS_FILE, MY_SECRET: null });
    const mount = { type: 'bind', source: folder, target: folder, read_only: true, bind: { create_host_path: false } };
    expect(ingest?.volumes).toEqual([mount]);
    expect(readHandedFiles(env({ ZAPS_FILE, MY_SECRET: 'x' }))[0]?.secretFiles).toEqual([secret]);
  });

  test('bring the folder of a secret that lies elsewhere, also by a link', () => {
    mkdirSync(join(folder, 'zaps'));
    mkdirSync(join(folder, 'secrets'));
    symlinkSync(write('secrets/real', 's'), join(folder, 'zaps', 'link'));
    const ZAPS_FILE = write('zaps/zaps.json', withSecret({ file: 'link' }));
    const targets = handOn({ ZAPS_FILE }).ingest?.volumes.map(({ target }) => target);
    expect(targets).toEqual([join(folder, 'secrets'), join(folder, 'zaps')]);
  });

  test("do not bring the stack's own passwords: what is hidden is covered", () => {
    mkdirSync(join(folder, '.stack'));
    const dotenv = write('.env', '');
    const { ingest } = handOn({ ZAPS_FILE: write('zaps.json', { zaps: [] }) }, [join(folder, '.stack'), dotenv, join(folder, 'absent')]);
    expect(ingest?.volumes.slice(1).map(({ type, source, target }) => [type, source, target])).toEqual([
      ['tmpfs', undefined, join(folder, '.stack')],
      ['bind', '/dev/null', dotenv],
    ]);
  });

  test("run their container as the image's user, or as one who may read them", () => {
    const open = write('zaps.json', { zaps: [] });
    const closed = write('closed.json', { zaps: [] }, 0o600);
    expect(handOn({ ZAPS_FILE: open }).ingest?.user).toBe('1000:1000');
    expect(handOn({ ZAPS_FILE: closed }).ingest?.user).toBe(`${process.getuid?.()}:${process.getgid?.()}`);
  });

  test.each<[string, string, () => Record<string, string>]>([
    ['is not there', 'FILE_MISSING', () => ({ ZAPS_FILE: join(folder, 'none.json') })],
    ['lies below a file', 'FILE_MISSING', () => ({ ZAPS_FILE: join(write('file', ''), 'zaps.json') })],
    ['is a folder', 'FILE_INVALID', () => ({ ZAPS_FILE: folder })],
    ['is not JSON', 'FILE_INVALID', () => ({ ZAPS_FILE: write('zaps.json', '{') })],
    [
      'is a circle of links',
      'FILE_UNREADABLE',
      () => (symlinkSync(join(folder, 'l'), join(folder, 'l')), { ZAPS_FILE: join(folder, 'l') }),
    ],
    ['names a secret file that is not there', 'FILE_MISSING', () => ({ ZAPS_FILE: write('zaps.json', withSecret({ file: 'none' })) })],
    ['names a secret file that is a folder', 'FILE_INVALID', () => ({ ZAPS_FILE: write('zaps.json', withSecret({ file: '.' })) })],
    ['names a variable that is not set', 'SECRET_NOT_SET', () => ({ ZAPS_FILE: write('zaps.json', withSecret({ env: 'NONE' })) })],
    ['names one that is empty', 'SECRET_NOT_SET', () => ({ ZAPS_FILE: write('zaps.json', withSecret({ env: 'NONE' })), NONE: '' })],
    [
      'names a setting of the stack',
      'SECRET_RESERVED',
      () => ({ ZAPS_FILE: write('zaps.json', withSecret({ env: 'CDC_PASSWORD' })), CDC_PASSWORD: 'x' }),
    ],
    [
      'names the login of its part',
      'SECRET_RESERVED',
      () => ({ ZAPS_FILE: write('zaps.json', withSecret('env:DATABASE_URL')), DATABASE_URL: 'x' }),
    ],
  ])('stop make up when one %s', (_what, code, make) => {
    expect(codeOf(() => readHandedFiles(env(make())))).toBe(code);
  });

  test.each(['/etc/hosts', '/usr/lib/os-release', '/proc/self/status'])('are not taken into a container from %s', (file) => {
    const ZAPS_FILE = write('zaps.json', withSecret({ file }));
    expect(codeOf(() => handOn({ ZAPS_FILE }))).toBe('FILE_NOT_SHARED');
  });

  test("are not taken from the stack's own folder", () => {
    expect(codeOf(() => handOn({ ZAPS_FILE: write('zaps.json', { zaps: [] }) }, [folder]))).toBe('FILE_NOT_SHARED');
  });

  test('never have their text in a message', () => {
    const ZAPS_FILE = write('zaps.json', '{"secret": "hunter2" oops');
    expect(() => readHandedFiles(env({ ZAPS_FILE }))).not.toThrow(/hunter2/);
  });
});

test('references are found in either way to write them, at any depth', () => {
  const content = { a: ['env:A', { env: 'B' }, { file: 'c' }], b: { c: 'file:d', e: { env: 'F', more: 1 } }, f: 'environment' };
  expect(references(content)).toEqual({ variables: ['A', 'B'], files: ['c', 'd'] });
});
