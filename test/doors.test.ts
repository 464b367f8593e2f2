import { describe, expect, test } from 'vitest';
import { createDecoder } from '../consumers-example/consumer/decode.ts';
import { createRegistry } from '../consumers-example/consumer/registry.ts';
import { CONNECTOR_NAME, EVENT_SUBJECT } from '../contract/names.ts';
import { zapRunCreated } from '../contract/zap-run.ts';
import { connectService, registryService, type HttpService } from '../kit/http-login.ts';
import { diagnose } from '../operate/diagnose.ts';
import { connectFor, registryEnv, registryFor } from '../stack/http-logins.ts';
import { ConnectApi } from '../kit/connect-api.ts';
import { freePorts } from './support/free-ports.ts';
import { startWorker } from './support/worker.ts';
import { codes, doctor } from './support/doctor.ts';
import { connect, untilRunning } from './support/connector.ts';
import { encode, event, schemaId, schemaText } from './support/events.ts';
import { askConnect, askRegistry, json } from './support/http.ts';
import { outboxWith } from './support/operate.ts';
import { register, startWatch } from './support/services.ts';
import { addresses, config, stack, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Connect's REST interface and the registry need a login, and the login of a reader cannot write.

const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });

/** Requests without a valid login. */
const intruders = (service: HttpService): [string, Record<string, string>][] => [
  ['no login', {}],
  ['a wrong password', basic(service.user ?? '', 'wrong')],
  ['an empty password', basic(service.user ?? '', '')],
  ['a user that does not exist', basic('nobody', 'wrong')],
  ['no user', basic('', '')],
  ['broken Basic', { authorization: 'Basic !' }],
  ['a bearer token', { authorization: 'Bearer wrong' }],
];

type Call = [method: string, path: string, body?: unknown];

/** The status for each call. */
async function statuses(origin: string, calls: readonly Call[], headers: Record<string, string>): Promise<string[]> {
  return Promise.all(
    calls.map(async ([method, path, body]) => {
      const response = await fetch(origin + path, {
        ...{ method, signal: AbortSignal.timeout(20_000) },
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      await response.body?.cancel();
      return `${method} ${path} ${response.status}`;
    }),
  );
}

const expected = (calls: readonly Call[], status: number) => calls.map(([method, path]) => `${method} ${path} ${status}`);

describe("Connect's REST interface", () => {
  const connector = `/connectors/${CONNECTOR_NAME}`;
  const service = connectService(connectFor(config));
  const stolen = { 'connector.class': 'io.debezium.connector.postgresql.PostgresConnector', 'database.hostname': '127.0.0.1' };
  const paths: Call[] = [
    ['GET', '/'],
    ['HEAD', '/'],
    ['OPTIONS', '/connectors'],
    ['GET', '/health'],
    ['GET', '/connectors'],
    ['GET', '/connectors?expand=info'],
    ['POST', '/connectors', { name: 'mine', config: stolen }],
    ['GET', connector],
    ['DELETE', connector],
    ['GET', `${connector}/config`],
    ['PUT', `${connector}/config`, stolen],
    ['PATCH', `${connector}/config`, { 'errors.tolerance': 'all' }],
    ['GET', `${connector}/status`],
    ['GET', `${connector}/tasks`],
    ['GET', `${connector}/tasks/0/status`],
    ['POST', `${connector}/tasks/0/restart`],
    ['POST', `${connector}/restart?includeTasks=true`],
    ['PUT', `${connector}/pause`],
    ['PUT', `${connector}/resume`],
    ['PUT', `${connector}/stop`],
    ['GET', `${connector}/topics`],
    ['PUT', `${connector}/topics/reset`],
    ['GET', `${connector}/offsets`],
    ['PATCH', `${connector}/offsets`, { offsets: [] }],
    ['DELETE', `${connector}/offsets`],
    ['GET', '/connector-plugins'],
    ['GET', '/connector-plugins/PostgresConnector/config'],
    ['PUT', '/connector-plugins/PostgresConnector/config/validate', { ...stolen, 'database.password': '${env:CDC_DATABASE_PASSWORD}' }],
  ];
  /** By these requests workers pass tasks on. They need no login, but a signature with the key of the group. */
  const internal: Call[] = [
    ['POST', `${connector}/tasks`, []],
    ['PUT', `${connector}/fence`],
  ];

  test.each(intruders(service))('answers 401 on every path to %s, and does nothing', async (name, headers) => {
    const before = await connect.config(CONNECTOR_NAME);
    // Connect's own extension fails on such a header.
    expect(await statuses(addresses.connect, paths, headers)).toEqual(expected(paths, name === 'broken Basic' ? 500 : 401));
    expect(await connect.config(CONNECTOR_NAME)).toEqual(before);
    expect(await (await askConnect('/connectors')).json()).toEqual([CONNECTOR_NAME]);
    await untilRunning();
  });

  test('accepts requests between workers only with their signature', async () => {
    const forged = {
      'X-Connect-Authorization': Buffer.from('forged').toString('base64'),
      'X-Connect-Request-Signature-Algorithm': 'HmacSHA256',
    };
    expect(await statuses(addresses.connect, internal, {})).toEqual(expected(internal, 400));
    expect(await statuses(addresses.connect, internal, forged)).toEqual(expected(internal, 403));
    await untilRunning();
  });

  test.runIf(stack.way === 'embedded')('lets workers pass requests on to their leader', { timeout: 240_000 }, async () => {
    const [port = 0] = await freePorts(1);
    await stop('watch');
    const original = (await connect.config(CONNECTOR_NAME)) ?? {};
    const stopWorker = await startWorker((properties) => properties, port);
    try {
      const other = new ConnectApi({ ...connectFor(config), CONNECT_URL: `http://127.0.0.1:${port}` });
      // One of the two is the leader. Only it writes configurations, and the other forwards requests to it.
      for (const [worker, pause] of [
        [connect, '6'],
        [other, '7'],
      ] as const) {
        await waitFor('both are in one group', async () => (await worker.status(CONNECTOR_NAME))?.connector.state === 'RUNNING', 60_000);
        await worker.put(CONNECTOR_NAME, { ...original, 'poll.interval.ms': pause });
        for (const each of [connect, other])
          await waitFor('both know it', async () => (await each.config(CONNECTOR_NAME))?.['poll.interval.ms'] === pause);
        await untilRunning();
      }
    } finally {
      await stopWorker();
      await waitFor('the first has taken over', () => connect.put(CONNECTOR_NAME, original).then(() => true), 60_000);
      await untilRunning();
      await start('watch');
      await untilUp('watch');
    }
  });

  test('has no second port for log levels', async () => {
    const loggers: Call[] = [
      ['GET', '/admin/loggers'],
      ['PUT', '/admin/loggers/root', { level: 'TRACE' }],
    ];
    expect(await statuses(addresses.connect, loggers, {})).toEqual(expected(loggers, 404));
    expect(await statuses(addresses.connect, loggers, service.headers)).toEqual(expected(loggers, 404));
  });

  test('keeps its passwords out of the log', async () => {
    const log = await stack.log('connect');
    for (const secret of [config.secrets.connect, config.secrets.cdc]) expect(log).not.toContain(secret);
  });
});

describe('the registry', () => {
  const origin = new URL(addresses.registry).origin;
  const service = registryService(registryFor(config, 'reader'));
  const subject = `/apis/ccompat/v7/subjects/${EVENT_SUBJECT}`;
  const schema = { schema: schemaText };
  const reads: Call[] = [
    ['GET', '/apis/ccompat/v7/subjects'],
    ['GET', `${subject}/versions`],
    ['GET', `${subject}/versions/latest`],
    ['POST', subject, schema],
    ['POST', `/apis/ccompat/v7/compatibility/subjects/${EVENT_SUBJECT}/versions/latest`, schema],
    ['GET', '/apis/ccompat/v7/schemas/ids/1'],
    ['GET', '/apis/ccompat/v7/config'],
    ['GET', `/apis/ccompat/v7/config/${EVENT_SUBJECT}`],
    ['GET', '/apis/ccompat/v7/mode'],
    ['GET', '/apis/registry/v3/system/info'],
    ['GET', '/apis/registry/v3/search/artifacts'],
    ['GET', '/apis/registry/v2/search/artifacts'],
    ['GET', '/apis'],
  ];
  const writes: Call[] = [
    ['POST', `${subject}/versions`, schema],
    ['DELETE', `${subject}/versions/1`],
    ['DELETE', subject],
    ['PUT', `/apis/ccompat/v7/config/${EVENT_SUBJECT}`, { compatibility: 'NONE' }],
    ['DELETE', `/apis/ccompat/v7/config/${EVENT_SUBJECT}`],
    ['POST', '/apis/registry/v3/groups', { groupId: 'mine' }],
    ['POST', '/apis/registry/v3/groups/default/artifacts', { artifactId: 'mine', artifactType: 'AVRO' }],
    ['DELETE', `/apis/registry/v3/groups/default/artifacts/${EVENT_SUBJECT}`],
  ];
  /** For an administrator; the stack has no such login. */
  const settings: Call[] = [
    ['PUT', '/apis/ccompat/v7/config', { compatibility: 'NONE' }],
    ['PUT', '/apis/ccompat/v7/mode', { mode: 'READONLY' }],
    ['POST', '/apis/registry/v3/admin/rules', { ruleType: 'VALIDITY', config: 'FULL' }],
    ['GET', '/apis/registry/v3/admin/config/properties'],
    ['GET', '/apis/registry/v3/admin/export'],
  ];
  const all = [...reads, ...writes, ...settings];

  test.each(intruders(service))('answers 401 on every path to %s', async (_name, headers) => {
    expect(await statuses(origin, all, headers)).toEqual(expected(all, 401));
  });

  test('lets the reader read, and answers 403 to every write', async () => {
    expect(await statuses(origin, reads, service.headers)).toEqual(expected(reads, 200));
    const refused = [...writes, ...settings];
    expect(await statuses(origin, refused, service.headers)).toEqual(expected(refused, 403));
  });

  test('lets the writer register schemas, but change no global setting', async () => {
    const { headers } = registryService(registryFor(config, 'writer'));
    expect(await statuses(origin, settings, headers)).toEqual(expected(settings, 403));
    expect((await askRegistry(`/subjects/${EVENT_SUBJECT}/versions`, json('POST', schema))).status).toBe(200);
  });

  test.runIf(stack.way === 'embedded')('shows no secret on the port of its health and metrics', async () => {
    for (const path of ['/', '/health', '/metrics', '/q', '/config', '/info', '/env']) {
      const text = await (await fetch(`http://127.0.0.1:${config.REGISTRY_MANAGEMENT_PORT}${path}`)).text();
      for (const [name, secret] of Object.entries(config.secrets)) expect([path, name, text.includes(secret)]).toEqual([path, name, false]);
    }
  });

  test('keeps its passwords out of the log', async () => {
    const log = await stack.log('registry');
    const { registry, registry_reader: reader, registry_writer: writer } = config.secrets;
    for (const secret of [registry, reader, writer]) expect(log).not.toContain(secret);
  });
});

describe('a login that is wrong or missing', () => {
  const wrong = { CONNECT_USERNAME: 'outbox', CONNECT_PASSWORD: 'wrong' };
  const none = { CONNECT_USERNAME: undefined, CONNECT_PASSWORD: undefined };
  const wrongReader = { REGISTRY_USERNAME: 'reader', REGISTRY_PASSWORD: 'wrong' };

  test('is a finding of doctor, with the settings to change', async () => {
    const found = (await diagnose({ ...doctor, ...wrong, ...wrongReader })).sort((a, b) => a.code.localeCompare(b.code));
    expect(found).toMatchObject([
      { code: 'CONNECT_LOGIN', grade: 'broken', remedy: expect.stringContaining('CONNECT_USERNAME and CONNECT_PASSWORD') as string },
      { code: 'REGISTRY_LOGIN', grade: 'broken', remedy: expect.stringContaining('REGISTRY_USERNAME and REGISTRY_PASSWORD') as string },
      { code: 'REPLICATION' },
    ]);
    expect(await codes({ ...doctor, ...none })).toContain('broken CONNECT_LOGIN');
  });

  test("is reported by the operator's verbs", async () => {
    const { stdout } = await outboxWith({ CONNECT_PASSWORD: 'wrong' }, 'status');
    expect(stdout).toMatch(/^connector +unknown: CONNECT_LOGIN: Kafka Connect at http:\S+ refuses the login "outbox"/m);
    const { code, stderr } = await outboxWith({ CONNECT_PASSWORD: 'wrong' }, 'resume');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^CONNECT_LOGIN: Stored, .* CONNECT_USERNAME and CONNECT_PASSWORD;/)]);
  });

  test('ends register with its code', async () => {
    await expect(register({ CONNECT_PASSWORD: 'wrong' })).rejects.toThrow(/CONNECT_LOGIN/);
    await expect(register(registryEnv(config, 'reader'))).rejects.toThrow(/REGISTRY_LOGIN.*does not allow .*reader/);
    await register();
  });

  test('is an alarm of the watchdog, which repairs nothing meanwhile', async () => {
    await stop('watch');
    const watch = await startWatch({ CONNECT_PASSWORD: 'wrong', WATCH_EVERY_MS: '500' });
    try {
      await waitFor('the alarm', () => /"rule":"CONNECT_SILENT".*CONNECT_LOGIN/.test(watch.log()), 30_000);
      expect(watch.log()).not.toContain('"msg":"repair"');
    } finally {
      await watch.stop();
      await start('watch');
      await untilUp('watch');
    }
  });

  test('makes a consumer wait, and no event becomes a dead letter', async () => {
    const decode = createDecoder(createRegistry({ ...registryFor(config, 'reader'), REGISTRY_PASSWORD: 'wrong' }), zapRunCreated);
    await expect(decode(encode(await schemaId(), event()))).rejects.toMatchObject({ name: 'NotNowError', code: 'REGISTRY_LOGIN' });
  });
});
