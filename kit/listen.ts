import type { Server } from 'node:http';
import type { Logger } from 'pino';

/**
 * Resolves once the server takes connections. When it cannot, the log gets one line with the cause and the process ends
 * with 1: its supervisor may have more luck later.
 */
export async function listen(server: Server, { port, host }: { port: number; host: string }, log: Logger): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    log.fatal({ code: 'CANNOT_LISTEN', port, host, cause: error instanceof Error ? error.message : String(error) }, 'cannot listen');
    process.exit(1);
  }
}
