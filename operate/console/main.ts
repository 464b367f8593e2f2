import { createAdaptorServer } from '@hono/node-server';
import { pino } from 'pino';
import { loggable, settingsOrExit } from '../../kit/settings.ts';
import { createConsole } from './app.ts';
import { exposed, settings } from './config.ts';
import { Sources } from './sources.ts';
import { Tracer } from './tracer.ts';
import { Watcher } from './watcher.ts';

// `npm run console`: the page of the pipeline.

const log = pino({ name: 'console' });
const config = settingsOrExit(settings, process.env);
log.info(loggable(settings, config), 'starting');
const fault = exposed(config);
if (fault !== undefined) {
  process.stderr.write(`CONSOLE_EXPOSED: ${fault}\n`);
  process.exit(2);
}

const sources = new Sources(config, log);
const watcher = new Watcher(sources, config, log);
const app = createConsole({ config, log, sources, watcher, tracer: new Tracer(sources.pool, config) });
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(config.PORT, config.HOST, () => log.info({ port: config.PORT }, 'listening'));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    void sources.close().then(() => {
      log.info('stopped');
      process.exit(0);
    });
  });
}
