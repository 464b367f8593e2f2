import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findJava } from './jdk.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jdk-'));
  for (const version of ['17.0.15', '21.0.4', '25']) {
    const home = join(folder, 'jvm', `jdk-${version}`);
    mkdirSync(join(home, 'bin'), { recursive: true });
    writeFileSync(join(home, 'bin', 'java'), '');
    writeFileSync(join(home, 'release'), `IMPLEMENTOR="x"\nJAVA_VERSION="${version}"\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const home = (version: string) => join(folder, 'jvm', `jdk-${version}`);

test('the newest JDK of the usual folders is taken when JAVA_HOME and PATH name an old one', () => {
  const env = { JAVA_HOME: home('17.0.15'), PATH: join(home('17.0.15'), 'bin') };
  expect(findJava(env, [join(folder, 'jvm')])).toBe(join(home('25'), 'bin', 'java'));
});

test('JAVA_HOME is preferred when it is new enough', () => {
  expect(findJava({ JAVA_HOME: home('21.0.4') }, [join(folder, 'jvm')])).toBe(join(home('21.0.4'), 'bin', 'java'));
});

test('without a JDK 21 or newer the error says what was found and what to set', () => {
  const env = { JAVA_HOME: home('17.0.15'), PATH: '' };
  expect(() => findJava(env, [])).toThrow(/No JDK 21 or newer\. Found: 17 in .*jdk-17\.0\.15.*JAVA_HOME/);
  expect(() => findJava({}, [])).toThrow(/Found: none/);
});
