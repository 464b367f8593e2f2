import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { listen } from '../../kit/listen.ts';
import { startService, stopOnSignal } from '../../kit/process.ts';
import { settings } from './config.ts';

// A receiver of webhooks: it verifies the signature of the bytes as they arrived before it uses them. This one only logs
// them. A real one would also store webhook-id, to recognize repeats.

const LIMIT_BYTES = 1_048_576;

const { log, config } = startService('echo', settings, process.env);
const webhook = new Webhook(config.ECHO_SECRET);

const server = createServer((request, response) => {
  if (request.method === 'GET') return response.end('An action is a POST.\n');
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= LIMIT_BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    if (bytes > LIMIT_BYTES) return response.writeHead(413).end();
    const body = Buffer.concat(chunks).toString();
    const id = request.headers['webhook-id'];
    try {
      webhook.verify(body, request.headers as Record<string, string>);
    } catch (error) {
      log.warn({ id, cause: String(error) }, 'refused: not signed with our secret');
      return response.writeHead(401).end();
    }
    log.info({ id, verified: true, body }, 'action arrived');
    return response.writeHead(204).end();
  });
});
await listen(server, { port: config.PORT, host: config.HOST }, log);
log.info({ port: config.PORT }, 'listening');
stopOnSignal(log, async () => server.close());
