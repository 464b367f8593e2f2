import { request } from 'node:http';
import { relative } from 'node:path';
import type { Status } from './keeper.ts';

/** No runner listens, or it died during the request. */
const GONE = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'];

type Order = 'status' | 'start' | 'stop' | 'shutdown';

/**
 * Sends an order to the process runner of the stack in `dir`.
 *
 * @param names the parts it is about, all when empty
 * @returns the parts' status after it, undefined when no runner listens there
 */
export function order(dir: string, what: Order, names: readonly string[] = []): Promise<Status[] | undefined> {
  const socketPath = relative(process.cwd(), `${dir}/runner.sock`);
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: `/${what}/${names.join(',')}`, method: what === 'status' ? 'GET' : 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Status[]);
        else reject(new Error(`the process runner answers ${response.statusCode}: ${text}`));
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (GONE.includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
    call.end();
  });
}
