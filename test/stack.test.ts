import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { leftovers } from '../stack/process.ts';
import { cli, ownDir } from './support/cli.ts';
import { freePorts } from './support/free-ports.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { register } from './support/services.ts';
import { config, query, stack, untilUp } from './support/stack.ts';
import { readTopic } from './support/topic.ts';
import { waitFor } from './support/wait-for.ts';

function expectNothingRuns(dir: string): void {
  expect([...leftovers(dir).keys()]).toEqual([]);
  expect(execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })).not.toContain(dir);
}

test('a second make up while the stack runs changes nothing', async () => {
  const running = async () => (await stack.status())?.map(({ name, pid }) => [name, pid]);
  const before = await running();
  await stack.up(() => undefined);
  expect(await running()).toEqual(before);
});

test.runIf(stack.way === 'embedded')(
  'after a kill -9 of the process runner, make up recovers and no event is lost',
  { timeout: 240_000 },
  async () => {
    const [userId, zapId] = [uniqueName('user'), uniqueName('zap')];
    const ids = await postInTurn(userId, zapId, 50);
    const runner = leftovers(config.dir).get('runner');
    process.kill(runner ?? 0, 'SIGKILL');
    await waitFor('the runner is gone', () => !leftovers(config.dir).has('runner'));
    const said: string[] = [];
    await stack.up((line) => said.push(line));
    expect(said[0]).toMatch(/^stopping what an earlier run left: .*postgres/);
    await untilUp('consumer', 'cleanup');

    const topic = await readTopic();
    onTestFinished(() => topic.close());
    const records = await topic.untilEvents(`${userId}/${zapId}`, ids.length);
    expect([...new Set(records.map(({ headers }) => headers.id))]).toEqual(ids);
    const rows = () => query('SELECT FROM zap_run_outbox WHERE aggregateid = $1', [`${userId}/${zapId}`]);
    await waitFor('all rows are cleaned up', async () => (await rows()).length === 0);
  },
);

test.runIf(stack.way === 'embedded')('no other user can read what the stack stores: logs, events, passwords', () => {
  // The folder itself may be entered, as Postgres may run as another user, whose files only that user can read.
  const entries = readdirSync(config.dir, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isSymbolicLink());
  const open = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => (lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077);
  expect(entries.length).toBeGreaterThan(100);
  expect(open).toEqual([]);
  expect(statSync(config.dir).mode & 0o066).toBe(0);
});

test('a taken port is reported with its setting, and nothing is left running', async () => {
  const [port = 0] = await freePorts(1);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const dir = ownDir();
  const { code, output } = await cli('up', { STACK_DIR: dir, KAFKA_PORT: String(port) });
  expect(code).toBe(1);
  expect(output).toContain(`PORT_TAKEN: Something else listens on port ${port} (KAFKA_PORT)`);
  expectNothingRuns(dir);
});

test('an unhealthy part is reported with its log and the setting, and nothing is left running', { timeout: 120_000 }, async () => {
  const dir = ownDir();
  const { code, output } = await cli('up', {
    STACK_DIR: dir,
    START_TIMEOUT_SECONDS: '5',
    CONNECT_HEAP_MB: '128',
    REGISTRY_HEAP_MB: '96',
  });
  expect(code).toBe(1);
  expect(output).toMatch(/NOT_HEALTHY: \w+ does not get healthy: .*START_TIMEOUT_SECONDS \(now 5\)/s);
  expectNothingRuns(dir);
});

test('an unreachable Maven registry is reported, and nothing is left running', { timeout: 120_000 }, async () => {
  const dir = ownDir();
  const empty = mkdtempSync(join(tmpdir(), 'maven-'));
  onTestFinished(() => rmSync(empty, { recursive: true, force: true }));
  const nowhere = `-Dmaven.repo.local=${empty} -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1`;
  const settings = { JAVA_TOOL_OPTIONS: '', MAVEN_OPTS: nowhere, STACK_JARS: join(empty, 'jars') };
  const { code, output } = await cli('up', { STACK_DIR: dir, ...settings });
  expect(code).toBe(1);
  expect(output).toMatch(/MAVEN_FAILED: Maven could not fetch the jars of kafka: .*settings\.xml/s);
  expectNothingRuns(dir);
});

test('a PROFILE that the data was not made with is reported, and nothing is left running', async () => {
  const dir = ownDir();
  mkdirSync(join(dir, 'kafka'), { recursive: true });
  writeFileSync(join(dir, 'kafka', 'meta.properties'), '');
  const { code, output } = await cli('up', { STACK_DIR: dir, PROFILE: 'cluster' });
  expect(code).toBe(1);
  expect(output).toMatch(/PROFILE_CHANGED: The data in .+ was made with PROFILE=single\./);
  expectNothingRuns(dir);
});

test('a missing file of a setting is reported, and nothing is left running', async () => {
  const dir = ownDir();
  const { code, output } = await cli('up', { STACK_DIR: dir, ACTIONS_FILE: '/nowhere/actions.json' });
  expect(code).toBe(1);
  expect(output).toContain('FILE_MISSING: ACTIONS_FILE names /nowhere/actions.json, which does not exist.');
  expectNothingRuns(dir);
});

test('an invalid setting is reported with its value', async () => {
  const { code, output } = await cli('up', { STACK_DIR: ownDir(), KAFKA_PORT: 'ninety', START_TIMEOUT_SECONDS: '1' });
  expect(code).toBe(1);
  expect(output).toContain('KAFKA_PORT is "ninety"');
  expect(output).toContain('START_TIMEOUT_SECONDS is "1"');
});

test('register succeeds right after the registry has lost its connections to Postgres', { timeout: 60_000 }, async () => {
  const ended = await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'registry'`, [], 'postgres');
  expect(ended.length).toBeGreaterThan(0);
  await register();
});
