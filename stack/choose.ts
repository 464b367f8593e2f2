import type { StackConfig } from './config.ts';
import { DockerStack } from './docker.ts';
import { EmbeddedStack } from './embedded.ts';
import { findEngine } from './engine.ts';
import { StackError } from './errors.ts';
import type { Say, Stack } from './stack.ts';

/**
 * The stack that `make up` is to boot: as STACK says, else in Docker where an engine answers.
 *
 * @throws StackError OTHER_WAY when it runs in the other way, NO_DOCKER when Docker was asked for and cannot be used
 */
export async function chooseStack(config: StackConfig, say: Say): Promise<Stack> {
  const running = await findRunning(config);
  const chosen = await choose(config, say);
  if (running !== undefined && running.way !== chosen.way) {
    throw new StackError(
      'OTHER_WAY',
      `The stack is up as ${name(running)}, and would now be started as ${name(chosen)}. First: make down. ` +
        `Or stay with the one that is up: STACK=${running.way} make up`,
    );
  }
  return chosen;
}

async function choose(config: StackConfig, say: Say): Promise<Stack> {
  if (config.STACK === 'embedded') return new EmbeddedStack(config);
  const engine = await findEngine();
  if (engine.state === 'ready') return new DockerStack(config);
  if (config.STACK === 'docker') throw new StackError('NO_DOCKER', `${engine.reason} Without Docker: STACK=embedded make up`);
  if (engine.state === 'unusable') say(`${engine.reason}\nUsing the embedded stack instead.`);
  return new EmbeddedStack(config);
}

/** The stack that runs, whatever STACK says now. */
export async function findRunning(config: StackConfig): Promise<Stack | undefined> {
  for (const stack of await possibleStacks(config)) if ((await stack.status()) !== undefined) return stack;
  return undefined;
}

/** Every way in which the stack may have left something on this machine. */
export async function possibleStacks(config: StackConfig): Promise<Stack[]> {
  const engine = await findEngine();
  return [new EmbeddedStack(config), ...(engine.state === 'ready' ? [new DockerStack(config)] : [])];
}

const name = ({ way }: Stack) => (way === 'docker' ? 'containers in Docker' : 'the embedded stack');
