import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHmac } from 'node:crypto';
import { IngestError } from './errors.ts';
import { createAccessControl as accessOf } from './access-control.ts';
import { createRateLimit } from './rate-limit.ts';
import { defaultReading } from './reading.ts';
import { followZaps, loadZaps, ZapsError } from './zaps.ts';

const MARKER = 'marker-that-nobody-may-see';
const [FIRST, OTHER] = ['the-first-secret-of-two-of-them', 'the-other-secret-of-two-of-them'];
const followedAccess = (file: string, env: NodeJS.ProcessEnv, log: Logger) =>
  accessOf(followZaps(file, env, log), { take: () => undefined });
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
    writeFileSync(join(folder, 'b'), `${OTHER}\n`);
    const zaps = loadZaps(path, { A: FIRST });
    expect([...zaps.keys()]).toEqual(['u/open', 'u/z']);
    expect(zaps.get('u/open')).toEqual({ reading: defaultReading });
    expect(zaps.get('u/z')?.signature?.scheme.header).toBe('x-hub-signature-256');
    expect(zaps.get('u/z')?.signature?.keys.map(String)).toEqual([FIRST, OTHER]);
  });

  test('may describe a way to sign of its own', () => {
    const schemes = { acme: { header: 'x-acme', encoding: 'hex', signed: '{timestamp}|{body}', timestamp: { header: 'x-acme-at' } } };
    write({ schemes, ...signed({ scheme: 'acme', secrets: [{ env: 'A' }] }) });
    expect(loadZaps(path, { A: FIRST }).get('u/z')?.signature?.scheme).toMatchObject({ ...schemes.acme, algorithm: 'sha256', prefix: '' });
  });

  test('says how the body of a hook is read', () => {
    write({ zaps: [{ userId: 'u', zapId: 'z', body: 'base64', split: true }] });
    expect(loadZaps(path, {}).get('u/z')?.reading).toEqual({ ...defaultReading, body: 'base64', split: true });
    expect(faultsOf({ zaps: [{ userId: 'u', zapId: 'z', body: 'xml' }] })).toMatch(/zaps\[0\]\.body/);
  });

  test('says what makes a retry a repeat: its own options, else those of the preset, or nothing', () => {
    const zap = (zapId: string, more: object) => ({ userId: 'u', zapId, preset: 'stripe', secrets: ['env:A'], ...more });
    const own = { headers: ['svix-id'], onConflict: 'refuse' };
    const scheme = { userId: 'u', zapId: 'scheme', signature: { scheme: 'github', secrets: ['env:A'] } };
    write({ zaps: [zap('preset', {}), zap('own', { idempotency: own }), zap('none', { idempotency: false }), scheme] });
    expect([...loadZaps(path, { A: FIRST }).values()].map(({ idempotency }) => idempotency)).toEqual([
      { headers: [], json: 'id', onConflict: 'repeat' },
      own,
      undefined,
      { headers: ['x-github-delivery'], onConflict: 'repeat' },
    ]);
    expect(faultsOf({ zaps: [{ userId: 'u', zapId: 'z', idempotency: { json: 'a..b' } }] })).toMatch(/zaps\[0\]\.idempotency/);
  });

  test('with no zaps at all accepts nobody', () => {
    write({ zaps: [] });
    expect(loadZaps(path, {}).size).toBe(0);
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
    ['names an unknown scheme', signed({ scheme: 'acme', secrets: [{ env: 'SET' }] }), /"acme" is none of .*github/],
    ['gives a preset another meaning', { schemes: { github: { header: 'x', encoding: 'hex', signed: '{body}' } }, zaps: [] }, /preset/],
    ['demands a signature without secrets', signed({ scheme: 'github', secrets: [] }), /secrets/],
    ['names a variable that is not set', signed({ scheme: 'github', secrets: [{ env: 'UNSET' }] }), /secrets\[0\]: env:UNSET is not set/],
    [
      'names a file that is not there',
      signed({ scheme: 'github', secrets: [{ file: '/nowhere' }] }),
      /secrets\[0\]: \/nowhere cannot be read: ENOENT/,
    ],
    ['has a secret inline', signed({ scheme: 'github', secrets: [MARKER] }), /secrets\[0\]/],
    ['has a secret inline as a value', signed({ scheme: 'github', secrets: [{ value: MARKER }] }), /secrets\[0\]/],
    ['has a secret that is short', signed({ scheme: 'github', secrets: ['env:SHORT'] }), /env:SHORT is shorter than 24 bytes/],
    ['signs an address that it does not give', signed({ scheme: 'square', secrets: ['env:SET'] }), /signature\.url: is needed/],
    ['names an unknown preset', { zaps: [{ userId: 'u', zapId: 'z', preset: 'acme' }] }, /preset: "acme" is none of/],
    [
      'has secrets for a preset that does not sign',
      { zaps: [{ userId: 'u', zapId: 'z', preset: 'strava', secrets: ['env:SET'] }] },
      /secrets/,
    ],
    ['lacks the verify token', { zaps: [{ userId: 'u', zapId: 'z', preset: 'meta' }] }, /handshakeToken: is needed/],
    ['lacks the secret of its handshake', { zaps: [{ userId: 'u', zapId: 'z', preset: 'zoom' }] }, /handshake: needs the secret/],
    ['answers with a body where there is none', { zaps: [{ userId: 'u', zapId: 'z', response: { status: 204, body: 'x' } }] }, /204/],
    ['answers with a redirect', { zaps: [{ userId: 'u', zapId: 'z', response: { status: 301 } }] }, /response/],
    ['names an origin with a path', { zaps: [{ userId: 'u', zapId: 'z', origins: ['https://a.example/x'] }] }, /origins/],
    ['has two places for one secret', signed({ scheme: 'github', secrets: [{ env: 'SET', file: '/x' }] }), /either "env" or "file"/],
    [
      'has a secret that is not base64',
      signed({ scheme: 'standard-webhooks', secrets: [{ env: 'SET' }] }),
      /env:SET is shorter than 24 bytes or not as/,
    ],
  ])('that %s is refused', (_what, content, fault) => {
    const message =
      content === undefined
        ? faultsOf('{}', {}) && (rmSync(path), messageOf(() => loadZaps(path, {})))
        : faultsOf(content, { SET: `${MARKER}!`, SHORT: MARKER.slice(0, 23) });
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

/** What posting to a zap comes to: 'in', or the code of the answer. */
function attempt(access: ReturnType<typeof followedAccess>, zapId: string, headers: Record<string, string> = {}, body = ''): string {
  const hook = { userId: 'u', zapId };
  try {
    access.verify(hook, access.settings(hook), { method: 'POST', query: '', headers, body: new TextEncoder().encode(body) });
    return 'in';
  } catch (error) {
    if (error instanceof IngestError) return error.code;
    throw error;
  }
}

const github = (secret: string, body = '') => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
});

describe('a zap', () => {
  const log = pino({ enabled: false });

  test('that zaps.json does not name is not there, one without a signature is open, one with it wants it', () => {
    write({ zaps: [{ userId: 'u', zapId: 'open' }, ...signed({ scheme: 'github', secrets: [{ env: 'A' }] }).zaps] });
    const access = followedAccess(path, { A: FIRST }, log);
    expect(['open', 'other', 'z'].map((zapId) => attempt(access, zapId))).toEqual(['in', 'not_found', 'unauthorized']);
    expect(attempt(access, 'z', github(FIRST, 'text'), 'text')).toBe('in');
    expect(attempt(access, 'z', github(FIRST, 'text'), 'other')).toBe('unauthorized');
  });

  test('tells a sender whose signature is refused nothing but that, and the log the reason', () => {
    write(signed({ scheme: 'slack', secrets: [{ env: 'A' }] }));
    const access = followedAccess(path, { A: FIRST }, log);
    const refusal = (headers: Record<string, string>) => {
      try {
        const hook = { userId: 'u', zapId: 'z' };
        access.verify(hook, access.settings(hook), { method: 'POST', query: '', headers, body: new Uint8Array() });
      } catch (error) {
        return error as IngestError;
      }
      throw new Error('it was let in');
    };
    const [none, old] = [refusal({}), refusal({ 'x-slack-request-timestamp': '1531420618', 'x-slack-signature': 'v0=1' })];
    expect(none.message).toBe(old.message);
    expect([none, old].map(({ cause }) => (cause as Error).message)).toEqual([
      expect.stringMatching(/timestamp/),
      expect.stringMatching(/signed \d+ seconds ago/),
    ]);
  });
});

describe('wrong signatures', () => {
  const log = pino({ enabled: false });
  const limits = { RATE_LIMIT_PER_ZAP: 2, RATE_LIMIT_TOTAL: 0, RATE_LIMIT_BURST_SECONDS: 1 };

  test('beyond their limit are told when to come again, and a right one passes meanwhile', () => {
    write(signed({ scheme: 'github', secrets: ['env:A'] }));
    const access = accessOf(
      followZaps(path, { A: FIRST }, log),
      createRateLimit(limits, 'wrong signatures', () => 0),
    );
    const wrong = () => attempt(access, 'z', github(OTHER));
    expect([wrong(), wrong(), wrong(), wrong()]).toEqual(['unauthorized', 'unauthorized', 'rate_limited', 'rate_limited']);
    expect(attempt(access, 'z', github(FIRST))).toBe('in');
    expect(wrong()).toBe('rate_limited');
  });

  test('count for their own hook only, and so do wrong tokens of a handshake', () => {
    const zaps = ['a', 'b'].map((zapId) => ({ userId: 'u', zapId, preset: 'meta', handshakeToken: 'env:A' }));
    write({ zaps });
    const access = accessOf(
      followZaps(path, { A: FIRST }, log),
      createRateLimit(limits, 'wrong signatures', () => 0),
    );
    const handshake = (zapId: string, token: string) => {
      const hook = { userId: 'u', zapId };
      const query = `hub.mode=subscribe&hub.challenge=1&hub.verify_token=${token}`;
      try {
        return access.answerHandshake(hook, access.settings(hook), { method: 'GET', query, headers: {}, body: new Uint8Array() })?.body;
      } catch (error) {
        return (error as IngestError).code;
      }
    };
    expect(['x', 'y', 'z', FIRST].map((token) => handshake('a', token))).toEqual(['unauthorized', 'unauthorized', 'rate_limited', '1']);
    expect(handshake('b', 'x')).toBe('unauthorized');
  });
});

describe('a change of zaps.json', () => {
  const lines: { level: number; msg: string; cause?: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
  beforeEach(() => {
    lines.length = 0;
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());
  const pollFiles = () => vi.advanceTimersByTime(1000);

  test('is active a second later', () => {
    write({ zaps: [{ userId: 'u', zapId: 'a' }] });
    const access = followedAccess(path, {}, log);
    expect([attempt(access, 'a'), attempt(access, 'b')]).toEqual(['in', 'not_found']);
    write({
      zaps: [
        { userId: 'u', zapId: 'b1' },
        { userId: 'u', zapId: 'b' },
      ],
    });
    pollFiles();
    expect([attempt(access, 'a'), attempt(access, 'b')]).toEqual(['not_found', 'in']);
  });

  test('that is faulty changes nothing, is logged once, and is replaced by the next valid one', () => {
    write({ zaps: [{ userId: 'u', zapId: 'a' }] });
    const access = followedAccess(path, {}, log);
    write('{ "zaps": [');
    pollFiles();
    pollFiles();
    expect([attempt(access, 'a'), attempt(access, 'b')]).toEqual(['in', 'not_found']);
    expect(lines.filter(({ level }) => level >= 50)).toMatchObject([{ cause: expect.stringContaining('is not valid JSON') as string }]);
    write({ zaps: [{ userId: 'u', zapId: 'b' }] });
    pollFiles();
    expect([attempt(access, 'a'), attempt(access, 'b')]).toEqual(['not_found', 'in']);
  });

  test.each<[string, (file: string) => void]>([
    ['removed', () => undefined],
    ['a link to itself', (file) => symlinkSync(file, file)],
    ['below a file instead of a folder', (file) => symlinkSync(path + '/x', file)],
    ['a folder', (file) => mkdirSync(file)],
    ['behind a name that is too long', (file) => symlinkSync('x'.repeat(300), file)],
    ['a pipe that nobody writes to', (file) => void execFileSync('mkfifo', [file])],
    ['a device that never ends', (file) => symlinkSync('/dev/zero', file)],
    ['empty', (file) => writeFileSync(file, '')],
  ])('in which a secret’s file becomes %s is logged once and changes nothing, and ends with it', (_what, become) => {
    const file = join(folder, 'secret');
    writeFileSync(file, FIRST);
    write(signed({ scheme: 'github', secrets: [{ file }] }));
    const access = followedAccess(path, {}, log);
    rmSync(file);
    become(file);
    for (let n = 0; n < 3; n += 1) pollFiles();
    expect([attempt(access, 'z', github(FIRST)), attempt(access, 'z')]).toEqual(['in', 'unauthorized']);
    expect(lines.filter(({ level }) => level >= 50)).toMatchObject([
      { cause: expect.stringMatching(/secrets\[0\]: \S*secret (cannot be read: [A-Z_]+|is empty)$/) as string },
    ]);
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, OTHER);
    pollFiles();
    expect([attempt(access, 'z', github(FIRST)), attempt(access, 'z', github(OTHER))]).toEqual(['unauthorized', 'in']);
  });

  test('that names a missing file of a secret becomes active once the file exists', () => {
    write({ zaps: [] });
    const access = followedAccess(path, {}, log);
    write(signed({ scheme: 'github', secrets: [{ file: join(folder, 'late') }] }));
    pollFiles();
    expect(attempt(access, 'z', github(FIRST))).toBe('not_found');
    writeFileSync(join(folder, 'late'), FIRST);
    pollFiles();
    expect(attempt(access, 'z', github(FIRST))).toBe('in');
  });

  test('may be that of a secret’s file, or of the file behind a link, as Kubernetes swaps them', () => {
    writeFileSync(join(folder, 'one'), FIRST);
    writeFileSync(join(folder, 'two'), OTHER);
    symlinkSync(join(folder, 'one'), join(folder, 'link'));
    write(signed({ scheme: 'github', secrets: [{ file: join(folder, 'link') }] }));
    const access = followedAccess(path, {}, log);
    rmSync(join(folder, 'link'));
    symlinkSync(join(folder, 'two'), join(folder, 'link'));
    pollFiles();
    expect([attempt(access, 'z', github(FIRST)), attempt(access, 'z', github(OTHER))]).toEqual(['unauthorized', 'in']);
    expect(JSON.stringify(lines)).not.toMatch(/of-two-of-them/);
  });
});
