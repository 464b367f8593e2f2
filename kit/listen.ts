import type { Server } from 'node:http';
import type { Logger } from 'pino';

/**
 * New connections that wait to be accepted, as far as the kernel allows. With Node's default of 511 a burst of connections
 * makes the kernel drop those of every sender, which then retry after one, three and seven seconds.
 */
const BACKLOG = 4096;

/**
 * Resolves once the server accepts connections. When the port is taken, it logs the cause and ends the process with 1,
 * so that its supervisor tries again.
 */
export async function listen(server: Server, { port, host }: { port: number; host: string }, log: Logger): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    log.fatal({ code: 'CANNOT_LISTEN', port, host, cause: error instanceof Error ? error.message : String(error) }, 'cannot listen');
    process.exit(1);
  }
}
