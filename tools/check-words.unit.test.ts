import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The errors of the check on a file with these lines. */
function check(...lines: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'words-'));
  try {
    const path = join(folder, 'page.md');
    writeFileSync(path, lines.join('\n'));
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/check-words.ts', path], {
      cwd: root,
      encoding: 'utf8',
    });
    return { status, errors: stderr.trimEnd().replaceAll(`${path}:`, '').split('\n') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const word = ['an', 'ew'].join('');

test('a word of the list is found with its line and what to write', () => {
  expect(check('The topic is fine.', `It was made ${word}.`)).toEqual({ status: 1, errors: [`2: "${word}": write again, or re-…`] });
});

test('every word of a line is found', () => {
  expect(check(`${word} and ${word}`).errors).toHaveLength(2);
});

test('other words pass, also such that contain one of the list', () => {
  const passing = `There is no row. It is no longer here. The ${word}erly amendment is renewed.`;
  expect(check(passing)).toEqual({ status: 0, errors: [''] });
});

test('each pattern is a valid expression with something to write instead', () => {
  const words = JSON.parse(readFileSync(join(root, 'tools/words.json'), 'utf8')) as { pattern: string; write: string }[];
  expect(words.length).toBeGreaterThan(10);
  for (const { pattern, write } of words) expect([new RegExp(pattern).test(''), write.length > 0]).toEqual([false, true]);
});
