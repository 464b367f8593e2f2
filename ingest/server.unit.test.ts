import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createApp } from './app.ts';
import { Budget } from './budget.ts';
import type { Closed } from './connections.ts';
import { createIngestServer, type Limits } from './server.ts';
import { stubbed } from '../test/support/stubbed-ingest.ts';
import { sendRaw } from '../test/support/raw-http.ts';
import { waitFor } from '../test/support/wait-for.ts';

// The costs of a sender, on a real server with small limits and no database.

const LIMITS: Limits = {
  MAX_CONNECTIONS: 100,
  ANSWER_TIMEOUT_MS: 300,
  HEADERS_TIMEOUT_MS: 2000,
  REQUEST_TIMEOUT_MS: 5000,
  KEEP_ALIVE_TIMEOUT_MS: 10_000,
  MAX_HEADER_BYTES: 16_384,
};
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function startServer({ limits = {}, budgetBytes = 10_000_000, answerBytes = 100_000 } = {}) {
  const closed: Closed[] = [];
  const { dependencies, recorded, lines, budget } = stubbed({
    ...{ bodyLimitBytes: 500_000, maxEventBytes: 500_000, budget: new Budget(budgetBytes) },
  });
  const observe = { ...dependencies.observe, closed: (why: Closed) => closed.push(why) };
  const app = createApp(dependencies);
  app.get('/large', (c) => c.text('x'.repeat(answerBytes)));
  const { server, connections, stop } = createIngestServer(app.fetch, { ...LIMITS, ...limits }, observe, budget);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  ends.push(() => {
    server.closeAllConnections();
    return stop();
  });
  /** A connection that reads only when the test asks. */
  async function open(): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.pause();
    socket.on('error', () => undefined);
    ends.push(async () => socket.destroy());
    await once(socket, 'connect');
    await waitFor('it is accepted', () => connections() > 0);
    return socket;
  }
  return { port, recorded, lines, closed, budget, connections, open };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (body: string, length = body.length) =>
  `POST /hooks/catch/u/z HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
/** 480 KB in pieces of 40 bytes. */
const inPieces = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"\r\n${`28\r\n${'x'.repeat(40)}\r\n`.repeat(12_000)}1\r\n"\r\n0\r\n\r\n`;
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe('requests that are sent before earlier ones are answered', () => {
  test('are answered in their order', async () => {
    const { port, recorded } = await startServer();
    const bodies = Array.from({ length: 10 }, (_, n) => `{"n":${n}}`);
    const { text } = await sendRaw(port, [bodies.map((body) => post(body)).join('')], /(Webhook received[^]*){10}\}$/);
    expect(statuses(text)).toEqual(bodies.map(() => 200));
    expect(recorded.map(({ metadata }) => metadata)).toEqual(bodies);
    const ids = [...text.matchAll(/"id":"([^"]+)/g)].map(([, id]) => id);
    expect(ids).toEqual(recorded.map(({ id }) => id));
  });

  test('are bounded: 16 are answered, then the connection gets a 503 and is closed', async () => {
    const { port, lines, closed } = await startServer();
    const { text, reset } = await sendRaw(port, [get('/livez').repeat(400)], /never/);
    expect(statuses(text)).toEqual([...Array<number>(16).fill(200), 503]);
    expect(text).toMatch(/Connection: close\r\n\r\n\{"code":"overloaded"/);
    expect(reset).toBe(false);
    expect(lines).toHaveLength(17);
    expect(closed).toEqual(['too_many_unanswered']);
  });

  test('do not delay others: a post beside 50 such connections is answered first', async () => {
    const { open, lines, connections } = await startServer();
    const greedy = await Promise.all(Array.from({ length: 50 }, open));
    const other = await open();
    await waitFor('all are accepted', () => connections() === 51);
    for (const socket of greedy) socket.write(get('/livez').repeat(16));
    other.write(post('{}'));
    await waitFor('all are answered', () => lines.length === 50 * 16 + 1);
    expect(lines.findIndex(({ outcome }) => outcome === 'recorded')).toBeLessThan(200);
  });
});

describe('answers that are not read', () => {
  test('close their connection after a time, and the others are served meanwhile', async () => {
    const { open, port, closed, budget } = await startServer({ answerBytes: 5_000_000 });
    const socket = await open();
    socket.write(get('/large'));
    await waitFor('the answer is made', () => budget.held > 0);
    expect((await sendRaw(port, [post('{}')])).status).toBe(200);
    await waitFor('the connection is closed', () => closed.length > 0);
    expect(closed).toEqual(['unread_answers']);
    expect(budget.held).toBe(0);
  });

  test('are bounded over all connections: the most expensive one is closed when there is no room', async () => {
    const limits = { ANSWER_TIMEOUT_MS: 60_000 };
    const { open, closed, budget } = await startServer({ answerBytes: 5_000_000, budgetBytes: 12_000_000, limits });
    const sockets: Socket[] = [];
    for (let n = 1; n <= 4; n += 1) {
      const socket = await open();
      sockets.push(socket);
      const before = budget.held;
      socket.write(get('/large'));
      await waitFor('the answer is made', () => budget.held !== before || closed.length > 0);
    }
    await waitFor('room was made', () => closed.length >= 2);
    expect(new Set(closed)).toEqual(new Set(['unread_answers']));
    expect(budget.held).toBeLessThanOrEqual(12_000_000);
    for (const socket of sockets.slice(0, 2)) socket.resume();
    await waitFor('the earlier ones are gone', () => sockets[0]?.closed === true);
  });

  test('that are read late are complete', async () => {
    const { open, budget } = await startServer({ answerBytes: 5_000_000, limits: { ANSWER_TIMEOUT_MS: 10_000 } });
    const socket = await open();
    socket.write(get('/large'));
    await waitFor('the answer is made', () => budget.held > 0);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.resume();
    await waitFor('all of it was read', () => bytes > 5_000_000);
    await waitFor('it counts no more', () => budget.held === 0);
  });
});

describe('bodies that do not end', () => {
  test('are refused in favour of complete ones when the budget is full', async () => {
    const { open, port, recorded, budget, lines } = await startServer({ budgetBytes: 1_000_000 });
    const slow = await Promise.all([open(), open(), open()]);
    for (const socket of slow) socket.write(post('x'.repeat(300_000), 300_001));
    await waitFor('they have arrived, with room for their last byte', () => budget.held === 900_003);
    for (let n = 0; n < 5; n += 1) expect((await sendRaw(port, [post(JSON.stringify('y'.repeat(200_000)))])).status).toBe(200);
    expect(recorded).toHaveLength(5);
    expect(lines.filter(({ outcome }) => outcome === 'overloaded')).toHaveLength(1);
    let answer = '';
    for (const socket of slow) socket.on('data', (chunk: Buffer) => (answer += chunk.toString())).resume();
    await waitFor('the one that gave way is told so', () => /503 Service Unavailable[^]*"overloaded"/.test(answer));
  });

  test('of one byte each are not refused while there is room', async () => {
    const { open, port, lines, budget } = await startServer({ budgetBytes: 1_000_000 });
    const slow = await Promise.all(Array.from({ length: 50 }, open));
    for (const socket of slow) socket.write(post('x', 2));
    await waitFor('they have arrived', () => budget.held === 50);
    expect((await sendRaw(port, [post(JSON.stringify('y'.repeat(400_000)))])).status).toBe(200);
    expect(lines.map(({ outcome }) => outcome)).toEqual(['recorded']);
  });
});

test('a body in many small pieces costs no more memory than its bytes, and its pieces are bounded', async () => {
  const { port, lines } = await startServer();
  const head = 'POST /hooks/catch/u/z HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const crumbs = (count: number) => ['1\r\n"\r\n', '1\r\nx\r\n'.repeat(count), '1\r\n"\r\n0\r\n\r\n'];
  expect((await sendRaw(port, [head, ...crumbs(4000)])).status).toBe(200);
  expect((await sendRaw(port, [inPieces('/hooks/catch/u/z')])).status).toBe(200);
  const before = process.memoryUsage().arrayBuffers;
  expect(await sendRaw(port, [head, ...crumbs(400_000)])).toMatchObject({ status: 413, reset: false });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  expect(lines.map(({ outcome }) => outcome)).toEqual(['recorded', 'recorded', 'payload_too_large']);
});

test.each([
  ['a hook', '/hooks/catch/u/z', 413],
  ['no hook', '/nowhere', 404],
])('512 KB in chunks of one byte, 3 MB in all, cost less than 50 ms of CPU when they are posted to %s', async (_what, path, status) => {
  const { open, port } = await startServer();
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const bytes = Buffer.from(`${head}${'1\r\nx\r\n'.repeat(524_288)}0\r\n\r\n`);
  const answer = await sendRaw(port, [bytes]);
  expect(answer).toMatchObject({ status, reset: false });
  expect(answer.headers).toMatch(/connection: close/i);
  let least = Infinity;
  for (let tries = 0; tries < 5 && least >= 50; tries += 1) {
    const socket = (await open()).resume();
    const before = process.cpuUsage();
    socket.end(bytes);
    await once(socket, 'close');
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  expect(least).toBeLessThan(50);
});

describe('when all connections are taken', () => {
  const full = { limits: { MAX_CONNECTIONS: 10 } };

  test.each([
    ['send nothing', ''],
    ['are in the middle of a head', 'POST /hooks/catch/u/z HTTP/1.1\r\nHost: x\r\n'],
    ['are idle after an answer', get('/livez')],
  ])('a new one is served, and the longest of those that %s is closed', async (_what, bytes) => {
    const { open, port, closed, connections } = await startServer(full);
    const held: Socket[] = [];
    for (let n = 0; n < 10; n += 1) {
      const socket = await open();
      socket.resume();
      if (bytes !== '') socket.write(bytes);
      held.push(socket);
      await waitFor('it is accepted', () => connections() === n + 1);
    }
    expect((await sendRaw(port, [post('{}')])).status).toBe(200);
    expect(closed).toEqual(['made_room']);
    await waitFor('one is closed', () => held.some((socket) => socket.closed));
    expect(held.map((socket) => socket.closed)).toEqual([true, ...Array<boolean>(9).fill(false)]);
  });

  test('by bodies that do not end, a new one is served', async () => {
    const { open, port, lines, budget } = await startServer(full);
    for (let n = 0; n < 10; n += 1) (await open()).write(post('xx', 3));
    await waitFor('they have arrived', () => budget.held === 20);
    expect((await sendRaw(port, [post('{}')])).status).toBe(200);
    expect(lines.map(({ outcome }) => outcome)).toContain('overloaded');
  });
});
