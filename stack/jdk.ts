import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { StackError } from './errors.ts';

const MINIMUM = 21; // Apicurio Registry needs 21; Kafka alone would do with 17.

const USUAL_FOLDERS: readonly string[] = [
  '/usr/lib/jvm',
  '/opt',
  '/Library/Java/JavaVirtualMachines',
  join(homedir(), '.sdkman/candidates/java'),
];

/**
 * The `java` of the newest JDK that is good enough, looked for in JAVA_HOME, PATH and the usual folders, as the
 * default `java` is often an older one with a newer beside it.
 *
 * @throws StackError NO_JDK with what was found where
 */
export function findJava(env: NodeJS.ProcessEnv, folders = USUAL_FOLDERS): string {
  const found = candidates(env, folders).map((home) => ({ home, version: versionOf(home) }));
  const preferred = found.find(({ home, version }) => home === env.JAVA_HOME && version >= MINIMUM);
  const best = preferred ?? found.sort((a, b) => b.version - a.version)[0];
  if (best !== undefined && best.version >= MINIMUM) return join(best.home, 'bin', 'java');
  const seen = found.map(({ home, version }) => `${version || 'unknown'} in ${home}`).join(', ') || 'none';
  throw new StackError(
    'NO_JDK',
    `No JDK ${MINIMUM} or newer. Found: ${seen}. Install one (Debian: apt-get install openjdk-21-jdk-headless; ` +
      'macOS: brew install openjdk@21) or set JAVA_HOME to one.',
  );
}

function candidates(env: NodeJS.ProcessEnv, folders: readonly string[]): string[] {
  const installed = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).flatMap((name) => [join(folder, name), join(folder, name, 'Contents/Home')]));
  const onPath = (env.PATH ?? '').split(delimiter).map(dirname);
  const homes = [env.JAVA_HOME ?? '', ...onPath, ...installed, '/opt/homebrew/opt/openjdk', '/usr/local/opt/openjdk'];
  return [...new Set(homes)].filter((home) => home !== '' && existsSync(join(home, 'bin', 'java')));
}

/** The major version by the JDK's own `release` file; 0 where there is none. */
function versionOf(home: string): number {
  const path = join(home, 'release');
  if (!existsSync(path)) return 0;
  return Number(/^JAVA_VERSION="(\d+)/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
}
