import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StackError } from './errors.ts';
import { wrongFiles } from './jar-hashes.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const pom = here('../connect/pom.xml');
const sources = [pom, here('../connect/queue/PromptQueue.java')];

/** Folder → the POM's property that fills it. Connect runs in the folder above and looks for `plugins`. */
const folders = { kafka: 'kafka.libs', 'plugins/debezium': 'plugin.libs', registry: 'registry.home' } as const;

/** A folder for each state of the POM and of PromptQueue, as stacks of two versions may share the place where jars are kept. */
export const jarsHome = (jars: string) => join(jars, pomHash().slice(0, 12));
export const kafkaClasspath = (jars: string) => join(jarsHome(jars), 'kafka', '*');
export const registryHome = (jars: string) => join(jarsHome(jars), 'registry');

const pomHash = () =>
  createHash('sha256')
    .update(sources.map((path) => readFileSync(path, 'utf8')).join(''))
    .digest('hex');

/**
 * Fills the folders with the jars that connect/pom.xml pins, where they are not there yet, and with PromptQueue, which the
 * same POM compiles. They get their place when they are complete, so a download that was cut off is made again.
 *
 * @param java the JDK's `java`: Maven itself may run on an older one without a compiler
 * @returns seconds spent, 0 when everything was there
 * @throws StackError NO_MAVEN, MAVEN_FAILED, JAR_CHANGED
 */
export function ensureJars(jars: string, java: string, log: (line: string) => void): number {
  const home = jarsHome(jars);
  if (existsSync(home)) return 0;
  const began = performance.now();
  mkdirSync(jars, { recursive: true });
  const fresh = mkdtempSync(join(jars, 'download-'));
  try {
    mkdirSync(join(fresh, 'plugins'));
    for (const [folder, property] of Object.entries(folders)) {
      log(`downloading ${folder} from Maven Central…`);
      runMaven(folder, dirname(dirname(java)), [`-D${property}=${join(fresh, folder)}`, `-Dbuild.dir=${join(fresh, 'build')}`]);
    }
    const wrong = wrongFiles(fresh);
    if (wrong.length > 0) throw changed(wrong);
    // Another stack may have been faster.
    if (!existsSync(home)) renameSync(fresh, home);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return (performance.now() - began) / 1000;
}

function runMaven(folder: string, javaHome: string, properties: readonly string[]): void {
  // -C: a jar whose checksum is wrong is refused, not only warned of.
  const args = ['-q', '-B', '-ntp', '-C', '-f', pom, 'package', ...properties];
  const run = spawnSync('mvn', args, { encoding: 'utf8', env: { ...process.env, JAVA_HOME: javaHome } });
  if (run.error !== undefined) {
    throw new StackError('NO_MAVEN', `Maven (mvn) cannot be started: ${run.error.message}. Install Maven 3.8 or newer.`);
  }
  if (run.status === 0) return;
  const cause = run.stdout.split('\n').find((line) => line.includes('ERROR')) ?? run.stderr.split('\n')[0] ?? '';
  throw new StackError(
    'MAVEN_FAILED',
    `Maven could not fetch the jars of ${folder}: ${cause.slice(0, 500)} If Maven Central is not reachable from here, ` +
      'name a mirror or proxy in ~/.m2/settings.xml.',
  );
}

// Maven trusts the checksum that lies beside a jar; connect/jars.sha256 was written when the version was chosen.
const changed = (wrong: readonly string[]) =>
  new StackError(
    'JAR_CHANGED',
    `${wrong.length} downloaded files are not those of connect/jars.sha256: ${wrong.slice(0, 5).join(', ')}. Nothing was installed. ` +
      'After a change of connect/pom.xml run npm run jars:pin and look at the difference; else do not trust the mirror, or ~/.m2.',
  );
