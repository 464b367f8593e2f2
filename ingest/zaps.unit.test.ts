import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadZaps, watchZaps, ZapsError } from './zaps.ts';

const MARKER = 'marker-that-nobody-may-see';
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zaps-'));
  path = join(folder, 'zaps.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (content: unknown) => writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));

/** The message of the ZapsError that reading `content` ends in; '' when it fits. */
function faultsOf(content: unknown, env: NodeJS.ProcessEnv = {}): string {
  write(content);
  try {
    loadZaps(path, env);
    return '';
  } catch (error) {
    if (error instanceof ZapsError) return error.message;
    throw error;
  }
}

const signed = (signature: unknown) => ({ zaps: [{ userId: 'u', zapId: 'z', signature }] });

describe('zaps.json', () => {
  test('names zaps that anybody may post to, and zaps with a signature', () => {
    write({
      zaps: [{ userId: 'u', zapId: 'open' }, ...signed({ scheme: 'github', secrets: [{ env: 'A' }, { file: join(folder, 'b') }] }).zaps],
    });
    writeFileSync(join(folder, 'b'), 'second\n');
    const { zaps, files } = loadZaps(path, { A: 'first' });
    expect([...zaps.keys()]).toEqual(['u/open', 'u/z']);
    expect(zaps.get('u/open')).toBeNull();
    expect(zaps.get('u/z')?.scheme.header).toBe('x-hub-signature-256');
    expect(zaps.get('u/z')?.keys.map(String)).toEqual(['first', 'second']);
    expect(files).toEqual([path, join(folder, 'b')]);
  });

  test('may describe a way to sign of its own', () => {
    const schemes = { acme: { header: 'x-acme', encoding: 'hex', signed: '{timestamp}|{body}', timestamp: { header: 'x-acme-at' } } };
    write({ schemes, ...signed({ scheme: 'acme', secrets: [{ env: 'A' }] }) });
    expect(loadZaps(path, { A: 'first' }).zaps.get('u/z')?.scheme).toMatchObject({ ...schemes.acme, algorithm: 'sha256', prefix: '' });
  });

  test('with no zaps at all accepts nobody', () => {
    write({ zaps: [] });
    expect(loadZaps(path, {}).zaps.size).toBe(0);
  });

  test.each([
    ['is not there', undefined, /cannot be read: ENOENT/],
    ['is not JSON', `{"zaps": ${MARKER}`, /is not valid JSON/],
    ['is a list', [], /expected object/],
    ['names no zaps', {}, /zaps/],
    ['has a key too many', { zaps: [], zap: [] }, /zap/],
    ['has an id out of shape', { zaps: [{ userId: 'a/b', zapId: 'z' }] }, /zaps\[0\]\.userId/],
    [
      'has a zap twice',
      { zaps: [{ userId: 'u', zapId: 'z' }, ...signed({ scheme: 'github', secrets: [{ env: 'SET' }] }).zaps] },
      /u\/z is there twice/,
    ],
    ['names an unknown scheme', signed({ scheme: 'gitlab', secrets: [{ env: 'SET' }] }), /"gitlab" is none of .*github/],
    ['gives a preset another meaning', { schemes: { github: { header: 'x', encoding: 'hex', signed: '{body}' } }, zaps: [] }, /preset/],
    ['demands a signature without secrets', signed({ scheme: 'github', secrets: [] }), /secrets/],
    ['names a variable that is not set', signed({ scheme: 'github', secrets: [{ env: 'UNSET' }] }), /UNSET is missing/],
    ['names a file that is not there', signed({ scheme: 'github', secrets: [{ file: '/nowhere' }] }), /\/nowhere is missing/],
    ['has a secret inline', signed({ scheme: 'github', secrets: [MARKER] }), /secrets\[0\]/],
    ['has a secret inline as a value', signed({ scheme: 'github', secrets: [{ value: MARKER }] }), /secrets\[0\]/],
    ['has two places for one secret', signed({ scheme: 'github', secrets: [{ env: 'SET', file: '/x' }] }), /either "env" or "file"/],
    [
      'has a secret that is no base64',
      signed({ scheme: 'standard-webhooks', secrets: [{ env: 'SET' }] }),
      /SET is missing, empty or not as/,
    ],
  ])('that %s is refused', (_what, content, fault) => {
    const message =
      content === undefined
        ? faultsOf('{}', {}) && (rmSync(path), messageOf(() => loadZaps(path, {})))
        : faultsOf(content, { SET: `${MARKER}!` });
    expect(message).toMatch(fault);
    expect(message).not.toContain(MARKER);
  });

  test('is told all its faults at once', () => {
    const zaps = [
      { userId: 'u', zapId: 'a' },
      { userId: 'u', zapId: 'a' },
      ...signed({ scheme: 'slack', secrets: [{ env: 'X' }, { env: 'Y' }] }).zaps,
    ];
    expect(faultsOf({ zaps }).split('\n')).toHaveLength(4);
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('a change of zaps.json', () => {
  const lines: { level: number; msg: string; cause?: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
  beforeEach(() => {
    lines.length = 0;
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());
  const look = () => vi.advanceTimersByTime(1000);

  test('is in force a second later', () => {
    write({ zaps: [{ userId: 'u', zapId: 'a' }] });
    const find = watchZaps(path, {}, log);
    expect([find('u', 'a'), find('u', 'b')]).toEqual([null, undefined]);
    write({
      zaps: [
        { userId: 'u', zapId: 'b1' },
        { userId: 'u', zapId: 'b' },
      ],
    });
    look();
    expect([find('u', 'a'), find('u', 'b')]).toEqual([undefined, null]);
  });

  test('that is faulty changes nothing, is logged once, and is mended by the next one', () => {
    write({ zaps: [{ userId: 'u', zapId: 'a' }] });
    const find = watchZaps(path, {}, log);
    write('{ "zaps": [');
    look();
    look();
    expect([find('u', 'a'), find('u', 'b')]).toEqual([null, undefined]);
    expect(lines.filter(({ level }) => level >= 50)).toMatchObject([{ cause: expect.stringContaining('is not valid JSON') as string }]);
    write({ zaps: [{ userId: 'u', zapId: 'b' }] });
    look();
    expect([find('u', 'a'), find('u', 'b')]).toEqual([undefined, null]);
  });

  test('that names a secret’s file before it is there is in force once it is', () => {
    write({ zaps: [] });
    const find = watchZaps(path, {}, log);
    write(signed({ scheme: 'github', secrets: [{ file: join(folder, 'late') }] }));
    look();
    expect(find('u', 'z')).toBeUndefined();
    writeFileSync(join(folder, 'late'), 'secret');
    look();
    expect(find('u', 'z')?.keys.map(String)).toEqual(['secret']);
  });

  test('may be that of a secret’s file, or of the file behind a link, as Kubernetes swaps them', () => {
    writeFileSync(join(folder, 'one'), 'first');
    writeFileSync(join(folder, 'two'), 'other');
    symlinkSync(join(folder, 'one'), join(folder, 'link'));
    write(signed({ scheme: 'github', secrets: [{ file: join(folder, 'link') }] }));
    const find = watchZaps(path, {}, log);
    rmSync(join(folder, 'link'));
    symlinkSync(join(folder, 'two'), join(folder, 'link'));
    look();
    expect(find('u', 'z')?.keys.map(String)).toEqual(['other']);
    expect(JSON.stringify(lines)).not.toMatch(/first|other/);
  });
});
