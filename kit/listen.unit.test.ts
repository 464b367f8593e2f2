import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { listen } from './listen.ts';
import { host } from './settings.ts';

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
])('a server on HOST=%s is reached by %s', async (given, by) => {
  const server = createServer((_request, response) => response.end('here'));
  servers.push(server);
  await listen(server, { port: 0, host: host().parse(given) }, pino({ enabled: false }));
  const { port } = server.address() as AddressInfo;
  expect(await (await fetch(`http://${by}:${port}/`)).text()).toBe('here');
});
