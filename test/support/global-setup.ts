import { rmSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { readStackConfig, type StackConfig } from '../../stack/config.ts';
import { portSettings } from '../../stack/ports.ts';
import { down, up } from '../../stack/up.ts';
import { freePorts } from './free-ports.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    stack: StackConfig;
  }
}

/**
 * One stack for all files, booted by the very code of `make up`, on free ports and with a state of its own: the
 * tests kill its parts, so it is never the stack that somebody works with. Its logs stay in .stack/test/logs.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ports = await freePorts(portSettings.length);
  const own = Object.fromEntries(portSettings.map((name, index) => [name, String(ports[index])]));
  // The reconciler at work all the time: its verdicts are right at any age of a row, or the tests see repeats.
  const chosen = { ...own, STACK_DIR: '.stack/test', RESEND_AFTER_SECONDS: '5' };
  Object.assign(process.env, chosen);
  await down('.stack/test'); // What a test run that was killed left.
  rmSync('.stack/test', { recursive: true, force: true });

  const config = readStackConfig(process.env);
  await up(config, (line) => process.stdout.write(`${line}\n`));
  project.provide('stack', config);
  return async () => {
    await down(config.dir);
    for (const state of ['postgres', 'kafka']) rmSync(`${config.dir}/${state}`, { recursive: true, force: true });
  };
}
