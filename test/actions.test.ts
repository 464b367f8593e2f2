import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { v7 } from 'uuid';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { EVENT_TOPIC } from '../contract/names.ts';
import { createDeliveries, createPool } from '../consumers-example/actions/deliveries.ts';
import { databaseUrl } from '../stack/config.ts';
import { adminClient } from './support/kafka.ts';
import { actionService, actionTarget, OLD_SECRET, SECRET, type Arrived } from './support/action-service.ts';
import { uniqueName } from './support/names.ts';
import { postUntilAccepted } from './support/post.ts';
import { config, query, stack } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Each test starts a consumer, and the group keeps a killed one for as long as its session lasts.
vi.setConfig({ testTimeout: 120_000 });

const METADATA = '{"n": 9007199254740993, "s":"\\u0000 größer", "n":1e400 }';

interface Row {
  target: string;
  state: string;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
}
const rowsOf = (event: string) =>
  query<Row & Record<string, unknown>>(
    'SELECT target, state, attempts, last_status, last_error FROM actions.delivery WHERE event_id = $1 ORDER BY target',
    [event],
    'postgres',
  );
const untilState = (event: string, state: string, withinMs = 30_000) =>
  waitFor(
    `the calls of ${event} are ${state}`,
    async () => {
      const rows = await rowsOf(event);
      return rows.length > 0 && rows.every((row) => row.state === state) ? rows : undefined;
    },
    withinMs,
  );

const verified = ({ body, headers }: Arrived, secret: string) => new Webhook(secret).verify(body, headers as Record<string, string>);
const to = (target: { url: string }, zap: string, more: object = {}) => ({
  zap,
  url: target.url,
  secrets: ['env:SECRET'],
  timeoutSeconds: 1,
  ...more,
});

/** Runs `npm run outbox -- actions …` as the operator. */
async function outbox(...args: string[]): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, DATABASE_URL: databaseUrl(config, 'operator') };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'operate/main.ts', 'actions', ...args],
      { env },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: stdout + stderr }),
    );
  });
}

test('the quick start’s POST is seen at the echo target, signed and with its metadata as it was sent', async () => {
  const id = await postUntilAccepted('123', '456', METADATA);
  const line = await waitFor('the action is in the log of echo', async () =>
    (await stack.log('echo')).split('\n').find((one) => one.includes(`"id":"${id}_echo"`)),
  );
  const { verified: believed, body } = JSON.parse(line) as { verified: boolean; body: string };
  expect(believed).toBe(true);
  expect(body.endsWith(`"metadata":${METADATA}}}`)).toBe(true);
});

test('a call is signed with both active secrets, and a target gets only the calls of its zaps', async () => {
  const [user, zap] = [uniqueName('user'), uniqueName('zap')];
  const target = await actionTarget();
  await actionService({
    [uniqueName('both')]: to(target, `${user}/*`, { secrets: ['env:SECRET', 'env:OLD_SECRET'], method: 'PUT', headers: { 'X-Team': 'a' } }),
  });
  await postUntilAccepted(uniqueName('other'), zap, '{}');
  const id = await postUntilAccepted(user, zap, METADATA);
  const arrived = await waitFor('the call arrives', () => target.arrived[0]);
  for (const secret of [SECRET, OLD_SECRET]) expect(verified(arrived, secret)).toMatchObject({ data: { id, zapId: zap } });
  expect(arrived.headers).toMatchObject({ 'content-type': 'application/json', 'x-team': 'a' });
  expect(arrived.body).toContain(`"metadata":${METADATA}`);
  expect((await untilState(id, 'delivered')).map(({ attempts }) => attempts)).toEqual([1]);
  expect(target.arrived).toHaveLength(1);
});

test('a failing call is retried with the same id and body and a new time until it is a dead delivery, which can be replayed', async () => {
  const [user, zap, name] = [uniqueName('user'), uniqueName('zap'), uniqueName('failing')];
  let status = 500;
  const target = await actionTarget((_arrived, response) => response.writeHead(status).end());
  const service = await actionService({ [name]: to(target, `${user}/${zap}`) }, { RETRY_SCHEDULE: '300ms,1100ms' });
  const id = await postUntilAccepted(user, zap, METADATA);
  expect(await untilState(id, 'dead')).toEqual([{ target: name, state: 'dead', attempts: 3, last_status: 500, last_error: null }]);
  expect([...target.ids()]).toEqual([`${id}_${name}`]);
  expect(new Set(target.arrived.map(({ body }) => body)).size).toBe(1);
  expect(new Set(target.arrived.map(({ headers }) => headers['webhook-timestamp'])).size).toBeGreaterThan(1);
  for (const arrived of target.arrived) verified(arrived, SECRET);

  expect((await outbox('dead', 'list', '--target', name)).output).toMatch(
    new RegExp(`^${id}  ${name}  ${user}/${zap}  .*after 3 attempts: 500`),
  );
  expect(await service.metrics()).toContain(`outbox_actions_attempts_total{target="${name}",answer="5xx"} 3`);
  await waitFor('the dead letter is counted', async () =>
    (await service.metrics()).includes(`outbox_actions_dead_deliveries{target="${name}"} 1`),
  );
  expect(service.log().filter(({ msg, target: of }) => msg === 'attempt' && of === name)).toHaveLength(3);

  status = 200;
  expect(await outbox('dead', 'replay', '--target', name)).toEqual({ code: 0, output: '1 calls are due again\n' });
  await untilState(id, 'delivered');
  expect([...target.ids()]).toEqual([`${id}_${name}`]);

  // An answered call is repeated only by an operator.
  expect(await outbox('rerun', id)).toEqual({ code: 0, output: '1 calls are due again\n' });
  await waitFor('the rerun arrives', () => target.arrived.length === 5);
  await untilState(id, 'delivered');
  expect((await outbox('rerun', '--zap', `${user}/${zap}`, '--since', '2026-01-01T00:00:00Z')).code).toBe(0);
  await waitFor('the second rerun arrives', () => target.arrived.length === 6);
  expect([...target.ids()]).toEqual([`${id}_${name}`]);
});

test('Retry-After delays the next attempt', async () => {
  const [user, name] = [uniqueName('user'), uniqueName('busy')];
  let calls = 0;
  const target = await actionTarget((_arrived, response) => response.writeHead(calls++ === 0 ? 429 : 200, { 'retry-after': '2' }).end());
  await actionService({ [name]: to(target, `${user}/*`) }, { RETRY_SCHEDULE: '10ms' });
  await untilState(await postUntilAccepted(user, 'z', '{}'), 'delivered');
  expect((target.arrived[1]?.at ?? 0) - (target.arrived[0]?.at ?? 0)).toBeGreaterThanOrEqual(1990);
});

test('410 ends all calls to its target, also after a restart, until an operator enables it', async () => {
  const [user, name] = [uniqueName('user'), uniqueName('gone')];
  let status = 410;
  const target = await actionTarget((_arrived, response) => response.writeHead(status).end());
  const other = await actionTarget();
  const service = await actionService({ [name]: to(target, `${user}/*`), [uniqueName('other')]: to(other, `${user}/*`) });
  const first = await postUntilAccepted(user, 'z', '{}');
  await waitFor('the first is dead', async () => (await rowsOf(first)).some(({ state }) => state === 'dead'));
  await service.stop();
  await service.start();
  const second = await postUntilAccepted(user, 'z', '{}');
  await waitFor('the other target has both', () => other.arrived.length === 2);
  expect(target.arrived).toHaveLength(1);
  expect((await outbox('targets')).output).toMatch(new RegExp(`^${name}  pending 1  delivered 0  dead 1  disabled since`, 'm'));

  status = 200;
  expect((await outbox('enable', '--target', name)).output).toBe(`${name} is called again\n`);
  await untilState(second, 'delivered');
  expect((await outbox('enable', '--target', name)).output).toMatch(/^NOT_DISABLED: /);
  expect((await outbox('dead', 'discard', first)).output).toBe('1 dead deliveries are discarded\n');
  expect((await outbox('dead', 'replay', first)).output).toMatch(/^NOTHING_FOUND: /);
});

test('a redelivered event calls no target that has answered 2xx', async () => {
  const [user, name] = [uniqueName('user'), uniqueName('once')];
  const target = await actionTarget();
  const service = await actionService({ [name]: to(target, `${user}/*`) });
  const ids = [await postUntilAccepted(user, 'a', '{}'), await postUntilAccepted(user, 'b', '{}')];
  for (const id of ids) await untilState(id, 'delivered');
  await service.stop();
  const admin = adminClient().admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  await admin.resetOffsets({ groupId: service.groupId, topic: EVENT_TOPIC, earliest: true });
  await service.start();
  // Its group reads everything again, this one last in its partition: when it has arrived, the others have passed.
  const later = [await postUntilAccepted(user, 'a', '{}'), await postUntilAccepted(user, 'b', '{}')];
  for (const id of later) await untilState(id, 'delivered');
  expect(target.arrived.map(({ id }) => id).toSorted()).toEqual([...ids, ...later].map((id) => `${id}_${name}`).toSorted());
});

test('an answered call is deleted after its retention; dead, waiting and recent calls stay', async () => {
  const log = pino({ level: 'silent' });
  const pool = createPool(databaseUrl(config, 'actions'), log);
  onTestFinished(() => pool.end());
  const target = uniqueName('gone');
  const events = { old: v7(), dead: v7(), waiting: v7(), young: v7() };
  const insert = async (id: string, hours: number, state: string) => {
    await query(
      `INSERT INTO actions.event (id, zap, body, stored_at) VALUES ($1, 'u/z', '{}', now() - $2 * interval '1 hour')`,
      [id, hours],
      'postgres',
    );
    const row = `INSERT INTO actions.delivery (event_id, target, state, due_at) VALUES ($1, $2, $3, now() + interval '1 day')`;
    await query(row, [id, target, state], 'postgres');
  };
  await insert(events.old, 337, 'delivered');
  await insert(events.dead, 337, 'dead');
  await insert(events.waiting, 337, 'pending');
  await insert(events.young, 335, 'delivered');
  const left = () => query<{ event_id: string }>('SELECT event_id FROM actions.delivery WHERE target = $1', [target], 'postgres');
  onTestFinished(async () => {
    await query('DELETE FROM actions.event WHERE id = ANY($1::uuid[])', [Object.values(events)], 'postgres');
  });

  // In batches: of one event here.
  while ((await createDeliveries(pool, 1000).purge(336, 1)) > 0);
  const stayed = (await left()).map(({ event_id }) => event_id);
  expect(stayed.toSorted()).toEqual([events.dead, events.waiting, events.young].toSorted());
});

test('a target that hangs delays neither another target of the same zap nor another zap', async () => {
  const user = uniqueName('user');
  const hanging = await actionTarget(() => undefined);
  const good = await actionTarget();
  const service = await actionService(
    { [uniqueName('hanging')]: to(hanging, `${user}/*`, { timeoutSeconds: 2 }), [uniqueName('good')]: to(good, `${user}/*`) },
    { RETRY_SCHEDULE: '1h' },
  );
  for (let n = 0; n < 60; n += 1) await postUntilAccepted(user, `z${n % 7}`, JSON.stringify({ n }));
  const last = await postUntilAccepted(user, 'last', '{}');
  await waitFor('the good target has all of them', () => good.ids().size === 61);
  expect((await rowsOf(last)).map(({ state }) => state).toSorted()).toContain('delivered');
  // Two connections at first, one after the first timeout: a silent target costs the process almost nothing.
  expect(hanging.arrived.length).toBeLessThan(10);
  expect(await service.metrics()).toMatch(/outbox_actions_in_flight [12]\n/);
});

test('a new actions.json is active without a restart, and a faulty one is reported and changes nothing', async () => {
  const [user, name] = [uniqueName('user'), uniqueName('later')];
  const [first, second] = [await actionTarget(), await actionTarget()];
  const service = await actionService({ [name]: to(first, `${user}/*`) });
  service.rewrite({ targets: { [name]: { ...to(second, `${user}/*`), url: 'http://169.254.169.254/', secrets: [SECRET] } } });
  const told = await waitFor('the faults are in the log', () => service.log().find(({ code }) => code === 'TARGETS_INVALID'));
  expect(told.cause).toMatch(/url: 169\.254\.169\.254 is link-local.*\n.*secrets\.0: expected env:NAME/);
  expect(JSON.stringify(service.log())).not.toContain(SECRET);
  await untilState(await postUntilAccepted(user, 'z', '{}'), 'delivered');
  service.rewrite({ targets: { [name]: to(second, `${user}/*`) } });
  await waitFor('the new file is active', () => service.log().some(({ msg }) => String(msg).endsWith('was reloaded')));
  await untilState(await postUntilAccepted(user, 'z', '{}'), 'delivered');
  expect([first.arrived.length, second.arrived.length]).toEqual([1, 1]);
});

test('a faulty actions.json stops the start, which reports all its faults', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'actions-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'actions.json');
  writeFileSync(file, JSON.stringify({ targets: { a: { zap: '*/*', url: 'http://127.0.0.1/', secrets: ['env:NOT_THERE_SECRET'] } } }));
  const env = { ...process.env, DATABASE_URL: databaseUrl(config, 'actions'), ACTIONS_FILE: file };
  const child = spawn(process.execPath, ['--import', 'tsx', 'consumers-example/actions/main.ts'], { env });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2);
  expect(output).toMatch(/a\.url: 127\.0\.0\.1 is loopback.*\n.*a\.secrets\.0: env:NOT_THERE_SECRET is not set/);
});

test.each(['ingest', 'cdc', 'cleanup'] as const)('the login %s reads and writes nothing of the actions', async (login) => {
  for (const statement of ['SELECT FROM actions.delivery', 'DELETE FROM actions.event', "SELECT actions.enable_target('a')"])
    await expect(query(statement, [], login)).rejects.toMatchObject({ code: '42501' });
});

test('the operator sees calls but no bodies, and the action consumer may not delete deliveries', async () => {
  await expect(query('SELECT id, zap FROM actions.event LIMIT 1', [], 'operator')).resolves.toBeDefined();
  await expect(query('SELECT body FROM actions.event', [], 'operator')).rejects.toMatchObject({ code: '42501' });
  await expect(query('DELETE FROM actions.delivery', [], 'actions')).rejects.toMatchObject({ code: '42501' });
  await expect(query('SELECT FROM zap_run', [], 'actions')).rejects.toMatchObject({ code: '42501' });
});

describe('kill -9 of the action consumer', () => {
  test('before its calls: they are made after the restart, with the same ids', async () => {
    const [user, name] = [uniqueName('user'), uniqueName('held')];
    let hold = true;
    const target = await actionTarget((_arrived, response) => (hold ? undefined : response.writeHead(200).end()));
    // One call at a time, which is never answered. The others are stored and wait.
    const service = await actionService({ [name]: to(target, `${user}/*`, { concurrency: 1 }) });
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await postUntilAccepted(user, 'z', JSON.stringify({ n })));
    for (const id of ids) await waitFor('the call is durable', async () => (await rowsOf(id)).length === 1);
    await service.kill();
    expect(target.ids().size).toBeLessThan(ids.length);
    hold = false;
    await service.start();
    for (const id of ids) await untilState(id, 'delivered');
    expect([...target.ids()].toSorted()).toEqual(ids.map((id) => `${id}_${name}`).toSorted());
  });

  test('after the target’s answer and before it is stored: the call is repeated with the same id', async () => {
    const [user, name] = [uniqueName('user'), uniqueName('answered')];
    const target = await actionTarget();
    const service = await actionService({ [name]: to(target, `${user}/*`) });
    await untilState(await postUntilAccepted(user, 'z', '{}'), 'delivered');
    // From now on nothing can be stored, as between the answer and its row. The sessions end with the process.
    await query('REVOKE UPDATE ON actions.delivery FROM outbox_actions', []);
    let id: string;
    try {
      id = await postUntilAccepted(user, 'z', '{}');
      await waitFor('the target has answered', () => target.arrived.some((arrived) => arrived.id === `${id}_${name}`));
      await service.kill();
      expect((await rowsOf(id)).map(({ state }) => state)).toEqual(['pending']);
    } finally {
      await query('GRANT UPDATE ON actions.delivery TO outbox_actions', []);
    }
    await service.start();
    await untilState(id, 'delivered');
    expect(target.arrived.filter((arrived) => arrived.id === `${id}_${name}`)).toHaveLength(2);
    expect(target.ids().size).toBe(2);
  });

  test('after the commit: nothing is called again', async () => {
    const [user, name] = [uniqueName('user'), uniqueName('done')];
    const target = await actionTarget();
    const service = await actionService({ [name]: to(target, `${user}/*`) });
    const id = await postUntilAccepted(user, 'z', '{}');
    await untilState(id, 'delivered');
    await service.kill();
    await service.start();
    const later = await postUntilAccepted(user, 'z', '{}');
    await untilState(later, 'delivered');
    expect(target.arrived.map((arrived) => arrived.id)).toEqual([id, later].map((one) => `${one}_${name}`));
  });
});
