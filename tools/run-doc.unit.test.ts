import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doc-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a page of these lines; what the commands printed, without the echo of the commands. */
function run(lines: string[], ...args: string[]) {
  const page = join(folder, 'page.md');
  writeFileSync(page, lines.join('\n'));
  const flags = args.filter((arg) => arg.startsWith('--'));
  const others = args.filter((arg) => !arg.startsWith('--'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/run-doc.ts', ...flags, page, ...others], {
    cwd: root,
    encoding: 'utf8',
  });
  const printed = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('  $ ') && !line.startsWith(page));
  return { status, printed, stdout, stderr };
}
const block = (...commands: string[]) => ['```sh', ...commands, '```'];

describe('the commands of a page', () => {
  test('run in order, and nothing but the shell blocks runs', () => {
    const { status, printed } = run([
      '# A',
      ...block('echo one', 'echo "tw"o'),
      '```json',
      'echo no',
      '```',
      '`echo no`',
      ...block('echo three'),
    ]);
    expect({ status, printed }).toEqual({ status: 0, printed: ['one', 'two', 'three'] });
  });

  test('stop at the first that fails', () => {
    const { status, printed, stderr } = run([...block('echo one', 'false', 'echo two'), ...block('echo three')]);
    expect({ status, printed, stderr }).toEqual({ status: 1, printed: ['one'], stderr: 'FAILED: false\n' });
  });

  test('all run with --keep-going, and one failure still fails the page', () => {
    const { status, printed, stderr } = run([...block('echo one', 'false', 'echo two'), ...block('echo three')], '--keep-going');
    expect({ status, printed, stderr }).toEqual({ status: 1, printed: ['one', 'two', 'three'], stderr: 'FAILED: false\n' });
  });

  test('fail when the first command of a pipe fails', () => {
    expect(run(block('false | cat')).status).toBe(1);
  });

  test('are those of one section when it is named, with its subsections', () => {
    const page = [
      '# A',
      ...block('echo a'),
      '## B',
      ...block('# a comment', 'echo b'),
      '### C',
      ...block('echo c'),
      '## D',
      ...block('echo d'),
    ];
    expect(run(page, 'B').printed).toEqual(['b', 'c']);
  });

  test('are left out where the page says why', () => {
    const { status, stdout } = run(['<!-- not run: needs a second machine -->', ...block('echo no'), ...block('echo yes')]);
    expect(status).toBe(0);
    expect(stdout).toContain('not run: needs a second machine');
    expect(stdout).not.toContain('echo no');
  });

  test.each([
    ['a page without blocks', ['# A', 'text'], undefined],
    ['a section that is not there', block('echo a'), 'Nowhere'],
  ])('fail when there are none: %s', (_, lines, heading) => {
    const { status, stderr } = run(lines, ...(heading === undefined ? [] : [heading]));
    expect(status).toBe(1);
    expect(stderr).toContain('no command block to run');
  });
});
