import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './errors.ts';

/**
 * Makes a virtual environment with the packages of a requirements file below `.stack/python`, where it is not there
 * yet. A stamp with the file's hash is written last, so an installation that was cut off is made again.
 *
 * @param name the environment's folder
 * @param requirements every package, pinned, with its hashes, in pip's format
 * @returns the folder of its programs: `python` and what the packages bring
 * @throws StackError NO_PYTHON, PIP_FAILED
 */
export function ensurePython(name: string, requirements: URL): string {
  const folder = resolve('.stack/python', name);
  const programs = join(folder, 'bin');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const stamp = join(folder, 'requirements.sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return programs;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('NO_PYTHON', 'Install Python 3.10 or newer with venv (Debian: apt-get install python3-venv).', 'python3', ['-m', 'venv', folder]);
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--require-hashes',
    '--requirement',
    fileURLToPath(requirements),
  ];
  run('PIP_FAILED', "If PyPI is not reachable from here, name a mirror in pip's configuration.", join(programs, 'python'), pip);
  writeFileSync(stamp, wanted);
  return programs;
}

function run(code: string, remedy: string, file: string, args: string[]): void {
  const { status, error, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new StackError(code, `${file} failed: ${error?.message ?? stderr.trim().split('\n').slice(-3).join(' ')}. ${remedy}`);
}
