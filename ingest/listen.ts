import type { Server } from 'node:http';
import type { Logger } from 'pino';
import type { Config } from './config.ts';

/** Resolves once the server takes connections. Rejects when it cannot: the port is taken, the address is not ours. */
export function listen(server: Server, { PORT: port, HOST: host }: Pick<Config, 'PORT' | 'HOST'>, log: Logger): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      log.info({ port, host }, 'listening');
      resolve();
    });
  });
}

/** For the main file: one line with the cause, and the process ends with 1, as its supervisor may have more luck later. */
export const exitUnlistening =
  (log: Logger) =>
  (error: NodeJS.ErrnoException): never => {
    log.fatal({ code: 'CANNOT_LISTEN', cause: error.message }, 'the address or the port cannot be listened on');
    process.exit(1);
  };
