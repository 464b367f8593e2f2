import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './errors.ts';

const pom = new URL('../connect/pom.xml', import.meta.url).pathname;

/** Folder → the POM's property that fills it. Connect runs in the folder above and looks for `plugins`. */
const folders = { kafka: 'kafka.libs', 'plugins/debezium': 'plugin.libs', registry: 'registry.home' } as const;

export const kafkaClasspath = (jars: string) => join(jars, 'kafka', '*');
export const registryHome = (jars: string) => join(jars, 'registry');

/**
 * Fills the folders with the jars that connect/pom.xml pins, where they are not there yet. A stamp with the POM's
 * hash is written last, so a download that was cut off is made again.
 *
 * @returns seconds spent, 0 when everything was there
 * @throws StackError NO_MAVEN, MAVEN_FAILED
 */
export function ensureJars(jars: string, log: (line: string) => void): number {
  const wanted = createHash('sha256').update(readFileSync(pom)).digest('hex');
  const stamp = join(jars, 'pom.sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return 0;
  const began = performance.now();
  mkdirSync(join(jars, 'plugins'), { recursive: true });
  for (const [folder, property] of Object.entries(folders)) {
    log(`downloading ${folder} from Maven Central…`);
    const fresh = join(jars, 'download');
    rmSync(fresh, { recursive: true, force: true });
    runMaven(folder, `-D${property}=${fresh}`);
    rmSync(join(jars, folder), { recursive: true, force: true });
    renameSync(fresh, join(jars, folder));
  }
  writeFileSync(stamp, wanted);
  return (performance.now() - began) / 1000;
}

function runMaven(folder: string, target: string): void {
  const run = spawnSync('mvn', ['-q', '-B', '-ntp', '-f', pom, 'package', target], { encoding: 'utf8' });
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
