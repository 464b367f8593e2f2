import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import type { Call } from './facts.ts';
import { createRandom } from './random.ts';

// The receiver of actions, in its own process. /steady answers at once; /moody fails, delays and hangs up at random, as
// receivers do. A call is recorded before it is answered, so that an answered one is never missing.

export interface Receive {
  port: number;
  calls: string;
  secret: string;
  seed: number;
}

const { port, calls, secret, seed } = JSON.parse(process.argv[2] ?? '') as Receive;
const webhook = new Webhook(secret);
const random = createRandom(seed);

/** The share of calls, and what they get. 0: the connection is cut instead of an answer. */
const moods = [
  { upTo: 0.1, status: 500, afterMs: 0 },
  { upTo: 0.15, status: 503, afterMs: 0 },
  { upTo: 0.2, status: 0, afterMs: 0 },
  { upTo: 0.25, status: 204, afterMs: 1000 },
  { upTo: 1, status: 204, afterMs: 0 },
];

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const target = (request.url ?? '').slice(1);
    const drawn = random.next();
    const { status, afterMs } = (target === 'moody' ? moods.find(({ upTo }) => drawn < upTo) : undefined) ?? { status: 204, afterMs: 0 };
    const webhookId = String(request.headers['webhook-id']);
    const sha = createHash('sha256').update(body).digest('hex');
    setTimeout(() => {
      const verified = isSigned(body.toString(), request.headers as Record<string, string>);
      const call: Call = { at: Date.now(), target, webhookId, sha, verified, answered: status !== 0, status };
      appendFileSync(calls, `${JSON.stringify(call)}\n`);
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
    }, afterMs);
  });
});

function isSigned(body: string, headers: Record<string, string>): boolean {
  try {
    webhook.verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

process.on('disconnect', () => process.exit(0));
server.listen(port, '127.0.0.1', () => process.send?.('listening'));
