import { existsSync, rmSync } from 'node:fs';
import { DockerComposeEnvironment, Wait } from 'testcontainers';
import type { TestProject } from 'vitest/node';
import { findRunning } from '../../stack/choose.ts';
import { composeEnvironment, composeFiles, composeOptions, projectName, root } from '../../stack/compose.ts';
import { writeOwnComposeFile } from '../../stack/compose-files.ts';
import { copyNames } from '../../stack/copies.ts';
import { readStackConfig, type StackConfig } from '../../stack/config.ts';
import { EmbeddedStack } from '../../stack/embedded.ts';
import { findEngine } from '../../stack/engine.ts';
import { removeOperatorEnv, writeOperatorEnv } from '../../stack/operator.ts';
import { ACK_GROUPS } from '../../stack/parts.ts';
import { portSettings } from '../../stack/ports.ts';
import type { Way } from '../../stack/stack.ts';
import { takePorts } from '../faults/ports.ts';
import { createRandom } from '../faults/random.ts';
import { freePorts } from './free-ports.ts';
import { lockFolder } from './lock.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    stack: StackConfig;
    way: Way;
  }
}

/** How the tests get their stack. The same files run on each. */
const BRINGERS = { embedded: bootEmbedded, containers: bootContainers, running: useRunning };

interface Brought {
  config: StackConfig;
  way: Way;
  end: () => Promise<void>;
}

/** One stack for all files: TEST_STACK says which, `embedded` by default. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (project.name === 'secure') process.env.STACK_TLS = 'true';
  if (project.name === 'cluster') process.env.PROFILE = 'cluster';
  const kind = process.env.TEST_STACK || 'embedded';
  const bring = Object.entries(BRINGERS).find(([name]) => name === kind)?.[1];
  if (bring === undefined) throw new Error(`TEST_STACK is "${kind}": expected one of ${Object.keys(BRINGERS).join(', ')}`);
  const { config, way, end } = await bring();
  project.provide('stack', config);
  project.provide('way', way);
  return end;
}

/**
 * Booted by the very code of `make up`, on free ports and with a state of its own: the tests kill its parts, so it is
 * never the stack that somebody works with. Its logs stay in .stack/test/logs, with STACK_TLS in .stack/secure/logs, with
 * PROFILE=cluster in .stack/cluster/logs.
 */
async function bootEmbedded(): Promise<Brought> {
  const { STACK_TLS, PROFILE } = process.env;
  const { config, unlock } = await ownStack(`.stack/${PROFILE === 'cluster' ? 'cluster' : STACK_TLS === 'true' ? 'secure' : 'test'}`);
  const stack = new EmbeddedStack(config);
  await stack.down(); // What a test run that was killed left.
  const remove = () => {
    for (const state of ['postgres', ...copyNames(config, 'kafka')]) rmSync(`${config.dir}/${state}`, { recursive: true, force: true });
  };
  remove();
  await stack.up((line) => process.stdout.write(`${line}\n`));
  const end = async () => {
    await stack.down();
    remove();
    unlock();
  };
  return { config, way: 'embedded', end };
}

/** compose.yaml by testcontainers, which also ends what a run that was killed left (where its reaper may run). */
async function bootContainers(): Promise<Brought> {
  const engine = await findEngine();
  if (engine.state !== 'ready') throw new Error(`TEST_STACK is "containers", but no engine can be used: ${engine.reason}`);
  const { config, unlock } = await ownStack();
  writeOwnComposeFile(config.dir, process.env);
  const started = await new DockerComposeEnvironment(root, composeFiles(config.dir))
    .withProjectName(projectName(config.dir))
    .withEnvironment(composeEnvironment(config))
    .withClientOptions({ composeOptions: composeOptions(config), commandOptions: ['--build', '--quiet-pull', '--renew-anon-volumes'] })
    .withDefaultWaitStrategy(Wait.forHealthCheck())
    .withStartupTimeout(config.START_TIMEOUT_SECONDS * 1000)
    .up();
  writeOperatorEnv(config, ACK_GROUPS);
  const end = async () => {
    await started.down({ removeVolumes: true });
    removeOperatorEnv(config.dir);
    unlock();
  };
  return { config, way: 'docker', end };
}

/** The stack that `make up` has booted. The tests kill its parts and put them back; their events stay. */
async function useRunning(): Promise<Brought> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = readStackConfig(process.env);
  const stack = await findRunning(config);
  if (stack === undefined) throw new Error('TEST_STACK is "running", but no stack runs here. Start it with: make up');
  return { config, way: stack.way, end: async () => undefined };
}

async function ownStack(dir = '.stack/test'): Promise<{ config: StackConfig; unlock: () => void }> {
  const unlock = lockFolder(dir);
  // The ports of copies lie above those of the first, so these lie side by side, where nothing else has any.
  const count = portSettings.length;
  const ports = process.env.PROFILE === 'cluster' ? await takePorts(count, createRandom(process.pid)) : await freePorts(count);
  const own = Object.fromEntries(portSettings.map((name, index) => [name, String(ports[index])]));
  // The reconciler runs all the time: it must decide correctly at any age of a row, or the tests see repeats.
  const chosen = { ...own, STACK_DIR: dir, RESEND_AFTER_SECONDS: '5' };
  Object.assign(process.env, chosen);
  return { config: readStackConfig(process.env), unlock };
}
