import { rmSync, writeFileSync } from 'node:fs';

/** Writes a file of these lines that its owner alone can read. */
export function writePrivate(path: string, lines: readonly string[]): void {
  // One that an earlier version wrote would keep its mode.
  rmSync(path, { force: true });
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
}
