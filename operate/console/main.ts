import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { listen } from '../../kit/listen.ts';
import { startService, stopOnSignal } from '../../kit/process.ts';
import { exitUnfit } from '../../kit/settings.ts';
import { createConsole } from './app.ts';
import { exposed, settings } from './config.ts';
import { Sources } from './sources.ts';
import { Tracer } from './tracer.ts';
import { Watcher } from './watcher.ts';

// `npm run console`: the page of the pipeline.

const { log, config } = startService('console', settings, process.env);
const fault = exposed(config);
if (fault !== undefined) exitUnfit({ code: 'CONSOLE_EXPOSED', message: fault });

const sources = new Sources(config, log);
const watcher = new Watcher(sources, config, log);
const app = createConsole({ config, log, sources, watcher, tracer: new Tracer(sources.pool, config) });
const server = createAdaptorServer({ fetch: app.fetch });
await listen(server as Server, { port: config.PORT, host: config.HOST }, log);
log.info({ port: config.PORT }, 'listening');
stopOnSignal(log, async () => {
  server.close();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await sources.close();
});
