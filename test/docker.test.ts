import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { composeEnvironment } from '../stack/compose.ts';
import { docker, findEngine } from '../stack/engine.ts';
import { cli, ownDir } from './support/cli.ts';
import { freePorts } from './support/free-ports.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { config, query, stack, stop } from './support/stack.ts';
import { readTopic } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

// Tests that need Docker are skipped where it is missing.

const engine = await findEngine();
const hasEngine = engine.state === 'ready';
const hasCommand = engine.state !== 'missing';
const noDaemon = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

async function takenPort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  return port;
}

test('make up in one way is refused while the other way runs, with the name of that one', async () => {
  const other = stack.way === 'docker' ? 'embedded' : 'docker';
  const { code, output } = await cli('up', { STACK: other, STACK_DIR: config.dir });
  expect(code).toBe(1);
  expect(output).toContain(
    stack.way === 'docker' ? 'OTHER_WAY: The stack is up as containers' : 'OTHER_WAY: The stack is up as the embedded',
  );
  expect(output).toContain(`STACK=${stack.way} make up`);
});

test.runIf(hasCommand)('with Docker installed and its daemon stopped, make up says so and uses the embedded stack', async () => {
  // A taken port ends the attempt before anything is started.
  const port = await takenPort();
  const { output } = await cli('up', { ...noDaemon, STACK: 'auto', STACK_DIR: ownDir(), KAFKA_PORT: String(port) });
  expect(output).toMatch(/Docker is installed, but its daemon does not answer.*Using the embedded stack instead\..*PORT_TAKEN/s);
});

test('STACK=docker without an engine is refused, and nothing else is started', async () => {
  const { code, output } = await cli('up', { ...noDaemon, STACK: 'docker', STACK_DIR: ownDir() });
  expect(code).toBe(1);
  expect(output).toMatch(/^NO_DOCKER: .*STACK=embedded make up/ms);
});

test.runIf(hasEngine)('in Docker, too, a taken port is reported with its setting', async () => {
  const port = await takenPort();
  const { code, output } = await cli('up', { STACK: 'docker', STACK_DIR: ownDir(), CONNECT_PORT: String(port) });
  expect(code).toBe(1);
  expect(output).toContain(`PORT_TAKEN: Something else listens on port ${port} (CONNECT_PORT)`);
});

test.runIf(hasEngine)('in Docker, a file that cannot be handed on stops make up before anything is started', async () => {
  const missing = await cli('up', { STACK: 'docker', STACK_DIR: ownDir(), ZAPS_FILE: '/nowhere/zaps.json' });
  expect([missing.code, missing.output]).toEqual([1, expect.stringMatching(/^FILE_MISSING: ZAPS_FILE names \/nowhere\/zaps\.json/m)]);
});

test.runIf(hasEngine)('docker compose by hand reports a missing pin and the file that has it', async () => {
  const without = docker(['compose', '--env-file', '/dev/null', 'config', '--quiet'], { env: composeEnvironment(config) });
  await expect(without).rejects.toThrow(/_IMAGE.*it is pinned in \.env\.example/s);
});

test.runIf(hasEngine)('docker compose by hand without passwords reports what writes them', async () => {
  const without = docker(['compose', '--env-file', '.env.example', 'config', '--quiet']);
  await expect(without).rejects.toThrow(/is missing a value: make up writes it to \.stack\/compose\.env/s);
});

test.runIf(stack.way === 'docker')('make down and make up again lose nothing', { timeout: 300_000 }, async () => {
  const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
  await stop('connect');
  const ids = await postInTurn(userId, zapId, 50);
  await stack.down();
  expect(await stack.status()).toBeUndefined();
  await stack.up(() => undefined);
  const topic = await readTopic();
  onTestFinished(() => topic.close());
  const records = await topic.untilEvents(`${userId}/${zapId}`, ids.length, 60_000);
  expect([...new Set(records.map(({ headers }) => headers.id))]).toEqual(ids);
  const rows = () => query('SELECT FROM zap_run_outbox WHERE aggregateid = $1', [`${userId}/${zapId}`]);
  await waitFor('all rows are cleaned up', async () => (await rows()).length === 0);
});
