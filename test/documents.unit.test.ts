import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

// What a newcomer may expect of the documents. tools/check-links.ts tests where their links lead.

const root = new URL('../', import.meta.url);
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter(Boolean);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

describe('the README', () => {
  const lines = text('README.md').split('\n');

  test('has at most 150 lines', () => {
    expect(lines.length).toBeLessThanOrEqual(150);
  });

  test('has its first command within 25 lines', () => {
    const at = lines.indexOf('```sh') + 2;
    expect(at).toBeGreaterThan(1);
    expect(at).toBeLessThanOrEqual(25);
  });

  test('links to every page of docs/', () => {
    const pages = tracked.filter((path) => /^docs\/(?!README)[^/]+\.md$/.test(path));
    expect(pages).toContain('docs/architecture.md');
    expect(pages.filter((page) => !new RegExp(`\\]\\(${page}[#)]`).test(lines.join('\n')))).toEqual([]);
  });
});

test('every top-level folder has a README that says what to read first and what may change, on one screen', () => {
  const folders = [...new Set(tracked.flatMap((path) => /^([^./][^/]*)\//.exec(path)?.[1] ?? []))];
  expect(folders).toContain('ingest');
  const pages = folders.map((folder) => `${folder}/README.md`).filter((page) => tracked.includes(page));
  expect(pages.map((page) => page.split('/')[0])).toEqual(folders);
  expect(pages.filter((page) => text(page).split('\n').length > 30)).toEqual([]);
  expect(pages.filter((page) => !/^Read first: /m.test(text(page)))).toEqual([]);
  expect(pages.filter((page) => !/\b(may|To) (change|add)\b/.test(text(page)))).toEqual([]);
});

test('a page that the project needs is there', () => {
  expect(tracked).toEqual(expect.arrayContaining(['LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', '.editorconfig']));
  expect(text('LICENSE')).toContain('Apache License');
  expect(text('CHANGELOG.md').split('\n## ')[1]).toMatch(/^\[Unreleased\]/);
});
