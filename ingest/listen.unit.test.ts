import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { readSettings } from '../kit/settings.ts';
import { settings } from './config.ts';
import { listen } from './listen.ts';

const DATABASE_URL = 'postgresql://nobody@127.0.0.1:1/none';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '[::1]'],
  ['[::1]', '[::1]'],
  ['0:0:0:0:0:0:0:1', '[::1]'],
  ['[0:0:0:0:0:0:0:1]', '[::1]'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['::', '[::1]'],
  ['[::]', '127.0.0.1'],
])('HOST=%s is listened on, and reached by %s', async (HOST, by) => {
  const config = readSettings(settings, { DATABASE_URL, HOST });
  const server = createServer((_request, response) => response.end('here'));
  servers.push(server);
  await listen(server, { PORT: 0, HOST: config.HOST }, pino({ enabled: false }));
  const { port } = server.address() as AddressInfo;
  expect(await (await fetch(`http://${by}:${port}/`)).text()).toBe('here');
});

test.each([
  ['PORT is taken', 'PORT', {}, /EADDRINUSE/],
  ['METRICS_PORT is taken', 'METRICS_PORT', {}, /EADDRINUSE/],
  ['HOST is an address of another machine', '', { HOST: '192.0.2.1' }, /EADDRNOTAVAIL/],
  ['HOST is no address', '', { HOST: '[::1' }, /ENOTFOUND|EAI_AGAIN|EINVAL/],
])('when %s ingest ends with 1, and says so in one line of JSON with a code', async (_what, taken, env, cause) => {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ports = await Promise.all([freePort(), freePort()]);
  const child = spawn(process.execPath, ['--import', 'tsx', 'ingest/main.ts'], {
    env: {
      ...process.env,
      ...{ HOST: '127.0.0.1', DATABASE_URL, PORT: String(ports[0]), METRICS_PORT: String(ports[1]), ...env },
      ...(taken === '' ? {} : { [taken]: String(port) }),
    },
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = output.split('\n').filter((line) => line !== '');
  const fatal = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ level }) => level === 60);
  expect({ code, errors }).toEqual({ code: 1, errors: '' });
  expect(fatal).toEqual([expect.objectContaining({ code: 'CANNOT_LISTEN', cause: expect.stringMatching(cause) as string })]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
