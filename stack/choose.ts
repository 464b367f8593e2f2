import type { StackConfig } from './config.ts';
import { DockerStack } from './docker.ts';
import { EmbeddedStack } from './embedded.ts';
import { findEngine, type Engine } from './engine.ts';
import { StackError } from './errors.ts';
import type { Say, Stack, Way } from './stack.ts';

/**
 * The stack that `make up` boots: the one of STACK, otherwise Docker if an engine answers.
 *
 * @throws StackError OTHER_WAY when it runs in the other way, NO_DOCKER when Docker was asked for and cannot be used,
 *   TLS_IN_DOCKER or CLUSTER_IN_DOCKER when what only the embedded stack has was asked for in Docker
 */
export async function chooseStack(config: StackConfig, say: Say): Promise<Stack> {
  const engine = await findEngine();
  const way =
    config.STACK === 'auto'
      ? engine.state === 'ready' && !config.STACK_TLS && config.PROFILE === 'single'
        ? 'docker'
        : 'embedded'
      : config.STACK;
  if (way === 'docker' && config.STACK_TLS)
    throw new StackError('TLS_IN_DOCKER', 'STACK_TLS is for the embedded stack only. Set STACK=embedded, or leave STACK_TLS out.');
  if (way === 'docker' && config.PROFILE === 'cluster')
    throw new StackError('CLUSTER_IN_DOCKER', 'PROFILE=cluster is for the embedded stack only. Set STACK=embedded, or leave PROFILE out.');
  const running = await firstRunning(stacksOn(engine, config));
  if (running !== undefined && running.way !== way) {
    throw new StackError(
      'OTHER_WAY',
      `The stack is up as ${NAMES[running.way]}, and would now be started as ${NAMES[way]}. First: make down. ` +
        `Or stay with the one that is up: STACK=${running.way} make up`,
    );
  }
  if (way === 'docker' && engine.state !== 'ready')
    throw new StackError('NO_DOCKER', `${engine.reason} Without Docker: STACK=embedded make up`);
  if (config.STACK === 'auto' && engine.state === 'unusable') say(`${engine.reason}\nUsing the embedded stack instead.`);
  return way === 'docker' ? new DockerStack(config) : new EmbeddedStack(config);
}

/** The running stack, whatever STACK is set to. */
export async function findRunning(config: StackConfig): Promise<Stack | undefined> {
  return firstRunning(await possibleStacks(config));
}

/** Every stack that may have left something on this machine. */
export async function possibleStacks(config: StackConfig): Promise<Stack[]> {
  return stacksOn(await findEngine(), config);
}

const NAMES: Record<Way, string> = { docker: 'containers in Docker', embedded: 'the embedded stack' };

const stacksOn = (engine: Engine, config: StackConfig): Stack[] => [
  new EmbeddedStack(config),
  ...(engine.state === 'ready' ? [new DockerStack(config)] : []),
];

async function firstRunning(stacks: readonly Stack[]): Promise<Stack | undefined> {
  for (const stack of stacks) if ((await stack.status()) !== undefined) return stack;
  return undefined;
}
