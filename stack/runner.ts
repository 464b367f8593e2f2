import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { relative } from 'node:path';
import { pino } from 'pino';
import { PRIVATE, readStackConfig } from './config.ts';
import { findJava } from './jdk.ts';
import { keepLogsSmall } from './logs.ts';
import { removeOperatorEnv, writeOperatorEnv } from './operator.ts';
import { ACK_GROUPS, stackParts } from './parts.ts';
import { Supervisor } from './supervisor.ts';

// The process runner: one process that keeps the parts running and takes orders on a socket in the stack's folder.

process.umask(PRIVATE);
const log = pino({ name: 'stack' });
const config = readStackConfig(process.env);
const supervisor = new Supervisor(
  await stackParts(config, findJava(process.env), process.env),
  config.dir,
  config.START_TIMEOUT_SECONDS * 1000,
);
// Relative: a socket's path may have about 100 bytes only.
const socket = relative(process.cwd(), `${config.dir}/runner.sock`);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, verb = '', names = ''] = (request.url ?? '').split('/');
  const chosen = names === '' ? undefined : names.split(',');
  if (request.method === 'POST' && verb === 'start') supervisor.start(chosen);
  else if (request.method === 'POST' && verb === 'stop') await supervisor.stop(chosen);
  else if (request.method === 'POST' && verb === 'shutdown') await shutdown();
  else if (verb !== 'status') response.statusCode = 404;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(supervisor.status()));
}

async function shutdown(): Promise<void> {
  await supervisor.stop();
  server.close();
  server.closeIdleConnections();
  rmSync(socket, { force: true });
  removeOperatorEnv(config.dir);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    log.error(error, 'order failed');
    response.statusCode = 500;
    response.end(JSON.stringify({ message: error instanceof Error ? error.message : String(error) }));
  });
});
rmSync(socket, { force: true });
keepLogsSmall(config.dir);
writeOperatorEnv(config, ACK_GROUPS);
server.listen(socket, () => {
  log.info({ socket }, 'taking orders');
  supervisor.start();
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void shutdown());
