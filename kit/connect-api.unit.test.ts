import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ConnectApi } from './connect-api.ts';

/** Answers each request with the next of these, and then always with the last. */
async function worker(...answers: [status: number, type: string, body: string][]): Promise<ConnectApi> {
  let asked = 0;
  const server = createServer((_request, response) => {
    const [status, type, body] = answers[Math.min(asked++, answers.length - 1)] ?? [500, 'text/plain', ''];
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return new ConnectApi({ CONNECT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, 1500);
}

const starting: [number, string, string] = [404, 'text/html;charset=iso-8859-1', '<h2>HTTP ERROR 404 Not Found</h2>'];
const missing: [number, string, string] = [404, 'application/json', '{"error_code":404,"message":"No status found for connector x"}'];
const paused: [number, string, string] = [202, 'application/json', ''];

test('a connector that does not exist is undefined', async () => {
  expect(await (await worker(missing)).status('x')).toBeUndefined();
});

test('a request to a starting worker is retried, so a pause is not reported before it took effect', async () => {
  const connect = await worker(starting, starting, paused);
  await expect(connect.pause('x')).resolves.toBeUndefined();
  await expect((await worker(starting)).pause('x')).rejects.toMatchObject({ code: 'CONNECT_FAILED' });
});
