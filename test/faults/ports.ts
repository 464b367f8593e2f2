import { createServer } from 'node:net';
import type { Random } from './random.ts';

/** Below the range of outgoing connections, so that the port of a stopped part stays free. */
const [FIRST, LAST] = [12_000, 30_000];

/** As many consecutive ports as asked for, free at this moment. @param from anywhere by default */
export async function takePorts(count: number, random: Random, from = random.between(FIRST, LAST - 2000)): Promise<number[]> {
  const taken: number[] = [];
  for (let port = from; taken.length < count; port += 1) {
    if (port > LAST) throw new Error('there are not enough free ports');
    if (await isFree(port)) taken.push(port);
  }
  return taken;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
