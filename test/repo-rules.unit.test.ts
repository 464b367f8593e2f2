import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { checks } from '../operate/diagnose.ts';

// Rules about the tracked files that no other tool checks.

const root = new URL('../', import.meta.url);
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

const tracked = git('ls-files', '-z').filter((path) => existsSync(new URL(path, root)));
const sources = tracked.filter((path) => path.endsWith('.ts'));
const tests = sources.filter((path) => path.endsWith('.test.ts'));
const mains = sources.filter((path) => /^[^/]+(\/[^/]+)?\/main\.ts$/.test(path));

const lines = (path: string) => text(path).replace(/\n$/, '').split('\n').length;
const longerThan = (paths: string[], most: number) => paths.filter((path) => lines(path) > most).map((path) => `${path}: ${lines(path)}`);

test('the tree has the files that these rules are about', () => {
  expect(mains).toContain('ingest/main.ts');
  expect(sources.length).toBeGreaterThan(30);
});

describe('a file', () => {
  test('of the code has at most 250 lines, a table of data more', () => {
    const tables = ['ingest/presets.ts'];
    expect(
      longerThan(
        sources.filter((path) => !tests.includes(path) && !tables.includes(path)),
        250,
      ),
    ).toEqual([]);
  });

  test('of tests has at most 400 lines', () => {
    expect(longerThan(tests, 400)).toEqual([]);
  });

  test('that starts a service only wires it, in less than 70 lines', () => {
    expect(longerThan(mains, 69)).toEqual([]);
  });

  test('in test/ is a test, is in test/support/ or test/faults/, or is the README', () => {
    const others = tracked.filter((path) => /^test\/(?!support\/|faults\/|README\.md$)/.test(path) && !path.endsWith('.test.ts'));
    expect(others).toEqual([]);
  });

  test('is tracked only if no .gitignore names it', () => {
    expect(git('ls-files', '-z', '--cached', '--ignored', '--exclude-standard')).toEqual([]);
  });
});

test('the environment is read where a process starts, and nowhere else', () => {
  const allowed =
    /^([^/]+(\/[^/]+)?\/main\.ts|vitest\.config\.ts|prisma\/(migrate|generate)\.ts|(stack|test\/(support|faults)|bench|tools)\/.+\.ts)$/;
  const needle = ['process', 'env'].join('.');
  // A test may hand the whole environment on to a process that it starts.
  const read = (path: string) => (tests.includes(path) ? text(path).replaceAll(`...${needle},`, '') : text(path));
  expect(sources.filter((path) => !allowed.test(path) && read(path).includes(needle))).toEqual([]);
});

test('no file has a path of a single machine', () => {
  const homes = ['work', 'root', 'Users'].join('|');
  const absolute = new RegExp(`(?<![\\w.\${}*])/(?:${homes})/`);
  const isText = (path: string) => !readFileSync(new URL(path, root)).subarray(0, 8000).includes(0);
  const faults = tracked.filter(isText).flatMap((path) => {
    const at = text(path)
      .split('\n')
      .findIndex((line) => absolute.test(line));
    return at < 0 ? [] : [`${path}:${at + 1}`];
  });
  expect(faults).toEqual([]);
});

test('the name of the event topic is in one file of the code', () => {
  expect(sources.filter((path) => text(path).includes(EVENT_TOPIC))).toEqual(['contract/names.ts']);
});

describe('a test', () => {
  /** The titles of a file, each after those of its describes. Prettier's indents show where a describe ends. */
  function titles(path: string): string[] {
    const around: { indent: number; title: string }[] = [];
    const found: string[] = [];
    for (const match of text(path).matchAll(/^( *)(?:(describe|test|it)\b[^\n]*?|\]\))\(\s*(['"`])(.+?)\3,/gm)) {
      const [, { length: indent } = '', kind, , title = ''] = match;
      while ((around.at(-1)?.indent ?? -1) >= indent) around.pop();
      if (kind === 'describe') around.push({ indent, title });
      else found.push([...around.map((outer) => outer.title), title].join(' > '));
    }
    return found;
  }

  test('has a title that is unique in its file', () => {
    const repeated = tests.flatMap((path) => {
      const all = titles(path);
      return all.filter((title, at) => all.indexOf(title) !== at).map((title) => `${path}: ${title}`);
    });
    expect(repeated).toEqual([]);
  });

  test('file has titles that these rules can find', () => {
    const here = titles(`test/${basename(import.meta.filename)}`);
    expect(here).toContain('a test > has a title that is unique in its file');
    expect(tests.filter((path) => titles(path).length === 0)).toEqual([]);
  });
});

test('every target of the Makefile has a description', () => {
  const makefile = text('Makefile');
  const verbs = [...makefile.matchAll(/^\.PHONY:(.+)$/gm)].flatMap(([, names = '']) => names.trim().split(/\s+/));
  expect(verbs).toContain('up');
  const silent = verbs.filter((verb) => !makefile.split('\n').some((line) => line.startsWith(`${verb}:`) && /## \S/.test(line)));
  expect(silent).toEqual([]);
});

test('every code of the doctor is produced by a test', () => {
  const found = sources
    .filter((path) => /^checks\//.test(path) && !tests.includes(path))
    .flatMap((path) => [...text(path).matchAll(/\bcode: '([A-Z_]+)'/g)].map(([, code = '']) => code));
  expect(found).toContain('SLOT_LOST');
  const proven = tests.filter((path) => /^(test\/(full\/)?(doctor|stuck|shards)[^/]*|checks\/[^/]+)$/.test(path)).map(text);
  const named = new Set(proven.flatMap((content) => content.match(/\b[A-Z]+(_[A-Z]+)*\b/g) ?? []));
  expect(found.filter((code) => !named.has(code))).toEqual([]);
});

test('CI starts a Docker engine only when it is told to, or when CI is set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ci-'));
  try {
    for (const path of ['shared/engine', 'checkout/.ci']) mkdirSync(join(folder, path), { recursive: true });
    const engine = join(folder, 'shared/engine/up');
    writeFileSync(engine, '#!/bin/sh\n');
    chmodSync(engine, 0o755);
    const chosen = text('.ci/run').split(/^export ENGINE=.*$/m)[0] ?? '';
    expect(chosen).toContain('shared/engine/up');
    writeFileSync(join(folder, 'checkout/.ci/run'), `${chosen}\necho "[\${ENGINE:-}]"\n`);
    const run = (env: Record<string, string>) =>
      execFileSync('bash', [join(folder, 'checkout/.ci/run')], { env: { PATH: '/usr/bin:/bin', ...env }, encoding: 'utf8' });
    expect(run({})).toBe('[]\n');
    expect(run({ ENGINE: '/my/own' })).toBe('[/my/own]\n');
    expect(run({ CI: 'true' })).toBe(`CI=true: ENGINE is set to ${engine}, which starts a Docker engine\n[${engine}]\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const rooms = ['contract', 'kit', 'checks', 'ingest', 'connect', 'watch', 'cleanup', 'consumers-example', 'operate', 'stack', 'prisma'];
/** Names that look like codes: of Node, of Kafka's grants, of a file of Postgres, of the registry's rule, and of secrets. */
const notCodes =
  /^(ERR_|HPE_|(ALTER|DESCRIBE)_CONFIGS$|TRANSACTIONAL_ID$|SASL_(PLAINTEXT|SSL)$|PG_VERSION$|BACKWARD_TRANSITIVE$|(OWNER|INGEST|CDC|CLEANUP|OPERATOR|ACTIONS|REGISTRY|POSTGRES)_PASSWORD$|ECHO_(URL|SECRET)$)/;

test('every code that the program prints is explained in docs/troubleshooting.md', () => {
  const files = sources.filter((path) => rooms.includes(path.split('/')[0] ?? '') && !path.includes('.test.'));
  const upper = files.flatMap((path) => [...text(path).matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code));
  const settings = new Set(text('docs/settings.md').match(/\b[A-Z]+(_[A-Z]+)+\b/g));
  const codes = [...new Set([...upper, ...checks.map(({ code }) => code)])].filter((code) => !settings.has(code) && !notCodes.test(code));
  expect(codes).toContain('FILE_MISSING');
  const explained = new Set(text('docs/troubleshooting.md').match(/\b[A-Z]+(_[A-Z]+)*\b/g));
  expect(codes.filter((code) => !explained.has(code)).sort()).toEqual([]);
});
