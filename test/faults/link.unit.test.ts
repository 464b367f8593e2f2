import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { waitFor } from '../support/wait-for.ts';
import { Link } from './link.ts';

let server: Server;
let link: Link;
const sockets = new Set<Socket>();

/** An echo server behind a link. */
beforeEach(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const [port = 0] = await freePorts(1);
  link = await Link.open('test', port, (server.address() as AddressInfo).port);
});
afterEach(async () => {
  await link.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
});

function client() {
  const socket = connect(link.port, '127.0.0.1');
  sockets.add(socket);
  const seen = { text: '', ended: '' };
  socket.on('data', (piece: Buffer) => (seen.text += piece.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.ended = error.code ?? ''));
  socket.on('close', () => (seen.ended ||= 'closed'));
  return { socket, seen };
}

async function connected() {
  const one = client();
  one.socket.write('a');
  await waitFor('the echo', () => one.seen.text === 'a');
  return one;
}

test('an open link passes everything, also a large piece', async () => {
  const { socket, seen } = await connected();
  socket.write('b'.repeat(5_000_000));
  await waitFor('all of it', () => seen.text.length === 5_000_001);
});

test('a cut link resets existing and new connections', async () => {
  const { seen } = await connected();
  link.state = 'cut';
  await waitFor('the reset', () => seen.ended === 'ECONNRESET');
  const later = client();
  await waitFor('the reset of a new one', () => later.seen.ended !== '');
});

test('a stalled link accepts connections and passes nothing until it is open again', async () => {
  const { socket, seen } = await connected();
  link.state = 'stall';
  socket.write('b');
  const later = client();
  later.socket.write('c');
  await new Promise((resolve) => later.socket.once('connect', resolve));
  expect([seen.text, later.seen.text]).toEqual(['a', '']);
  link.state = 'open';
  await waitFor('what was held back', () => seen.text === 'ab' && later.seen.text === 'c');
});

test('a slow link passes everything in its order', async () => {
  const { socket, seen } = await connected();
  link.state = 'slow';
  const began = performance.now();
  for (const piece of ['b', 'c', 'd']) socket.write(piece);
  await waitFor('the pieces', () => seen.text === 'abcd');
  expect(performance.now() - began).toBeGreaterThan(390);
});

test('a half-open link silently swallows the data of existing connections, and new ones work', async () => {
  const { socket, seen } = await connected();
  link.state = 'half-open';
  socket.write('b');
  const later = client();
  later.socket.write('c');
  await waitFor('the echo of a new one', () => later.seen.text === 'c');
  link.state = 'open';
  socket.write('d');
  const third = client();
  third.socket.write('e');
  await waitFor('the echo of a third', () => third.seen.text === 'e');
  expect(seen).toEqual({ text: 'a', ended: '' });
});
