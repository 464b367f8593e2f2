import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

// The SHA-256 of every file that Maven brings, in the format of sha256sum, so that a Dockerfile can check it as well.

export const HASHES = new URL('../connect/jars.sha256', import.meta.url);

/** Made here, not downloaded: PromptQueue's jar holds the time of its build, and Maven leaves notes of its own. */
const isOurs = (path: string) => path.startsWith('build/') || path.includes('.markers/') || path.endsWith('/outbox-queue.jar');

/** @returns `path → SHA-256` of each downloaded file below the folder, sorted by path */
export function hashFiles(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !isOurs(path))
    .sort();
  return new Map(
    files.map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest('hex'),
    ]),
  );
}

export const toLines = (hashes: ReadonlyMap<string, string>) => [...hashes].map(([path, hash]) => `${hash}  ${path}\n`).join('');

/** @returns the files that are missing, unlisted or changed */
export function wrongFiles(folder: string, listed = readFileSync(HASHES, 'utf8')): string[] {
  const wanted = new Map(
    listed
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const found = hashFiles(folder);
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((path) => wanted.get(path) !== found.get(path)).sort();
}
