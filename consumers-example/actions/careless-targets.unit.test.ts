import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseAllowed } from './address-guard.ts';
import { finalAnswer } from './answer.ts';
import { createGuardedClient, type Call } from './guarded-client.ts';
import type { Resolve } from './resolve.ts';

// Rare, careless and slow targets. Only the final status line and the deadline count.

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

async function target(handle: (socket: Socket, count: number) => void, host = '127.0.0.1', port = 0): Promise<number> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    handle(socket, sockets.length);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  opened.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}
function client(resolve?: Resolve) {
  const made = createGuardedClient(parseAllowed(['127.0.0.0/8'], [80, 443]), resolve);
  opened.push(() => void made.close());
  return made;
}
const call = (url: string, more: Partial<Call> = {}): Call => ({
  ...{ url: new URL(url), method: 'POST', headers: {}, body: '{"a":1}', timeoutMs: 3000, ...more },
});
const answering = (text: string) => target((socket) => socket.once('data', () => socket.end(Buffer.from(text, 'latin1'))));

/** Listens without accepting until a new connection is no longer answered. */
async function neverAccepting(addresses: string[], port: number): Promise<void> {
  const script = `
import socket, sys
kept = []
for address in sys.argv[2:]:
    server = socket.socket()
    server.bind((address, int(sys.argv[1])))
    server.listen(0)
    kept.append(server)
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((address, int(sys.argv[1])))
        kept.append(client)
print('ready', flush=True)
sys.stdin.read()`;
  const child = spawn('python3', ['-c', script, String(port), ...addresses], { stdio: ['pipe', 'pipe', 'inherit'] });
  opened.push(() => child.kill());
  await once(child.stdout, 'data');
}

const cookies = (count: number) => `Set-Cookie: ${'x'.repeat(1000)}\r\n`.repeat(count);
test.each([
  ['an unasked 100', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ['102 and 103', 'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n', 201],
  ['a 101 that nobody asked for', 'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 101],
  ['a head of 20 KB', `HTTP/1.1 200 OK\r\n${cookies(20)}Content-Length: 0\r\n\r\n`, 200],
  ['a head of 64 KB', `HTTP/1.1 200 OK\r\n${cookies(63)}Content-Length: 0\r\n\r\n`, 200],
  ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', 200],
  ['two equal lengths behind a 103', 'HTTP/1.1 103 E\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', 503],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok', 200],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 200],
  ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 200],
  ['Transfer-Encoding: identity', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok', 200],
  ['a control character', 'HTTP/1.1 204 OK\r\nX-A: a\x01b\r\n\r\n', 204],
  ['a line that is not a header', 'HTTP/1.1 200 OK\r\nGarbage\r\nContent-Length: 0\r\n\r\n', 200],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n', 200],
  ['a folded header', 'HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n', 200],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 200],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nok', 200],
  ['a malformed chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok', 200],
  ['a length that is not reached', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok', 200],
  ['a body behind 204', 'HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\nhello', 204],
  ['chunks behind 204', 'HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 204],
  ['chunks with extensions and trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a="b"\r\nok\r\n0\r\nX-A: b\r\n\r\n', 200],
  ['chunks with bare line feeds', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n', 200],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 200],
  ['chunks that do not end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', 200],
  ['Transfer-Encoding: gzip, chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 200],
  ['a length of zero and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 200],
  ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok', 200],
  ['a length that is a word', 'HTTP/1.1 200 OK\r\nContent-Length: none\r\n\r\nok', 200],
  ['a length below zero', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok', 200],
  ['a length beyond 64 bits', `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(30)}\r\n\r\nok`, 200],
  ['no length and no end but the connection’s', 'HTTP/1.1 201 Created\r\nConnection: close\r\n\r\nok', 201],
  ['a body behind 205', 'HTTP/1.1 205 R\r\nContent-Length: 2\r\n\r\nok', 205],
  ['a length behind 304', 'HTTP/1.1 304 N\r\nContent-Length: 100\r\n\r\n', 304],
  ['NUL in a header', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n', 200],
  ['a header without a name', 'HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n', 200],
  ['letters beyond ASCII in its reason', 'HTTP/1.1 200 \xe9t\xe9\r\nContent-Length: 0\r\n\r\n', 200],
  ['line breaks in front', '\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ['two spaces in its status line', 'HTTP/1.1  200 OK\r\n\r\n', 200],
  ['a version in small letters', 'http/1.1 200 OK\r\n\r\n', 200],
  ['half a version', 'HTTP/1 200 OK\r\n\r\n', 200],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ['3,000 headers', `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(3000)}Content-Length: 0\r\n\r\n`, 200],
  ['nothing but a status line', 'HTTP/1.1 200 OK\r\n', 200],
  ['a head that breaks off', 'HTTP/1.1 200 OK\r\nX-A: b\r\nX-', 200],
  ['a head that breaks off behind a 100', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nX-', 202],
  ['a 102 that has a length', 'HTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ['a 103 with bare line feeds', 'HTTP/1.1 103 E\nLink: </a>\n\nHTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok', 200],
  ['another answer behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n', 200],
  ['a wish for HTTP/2', 'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n', 200],
])('an answer with %s counts by its final status', async (_what, text, status) => {
  const port = await answering(text);
  expect(await client().call(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status });
});

test.each([
  ['behind its head', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 200],
  ['in its body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok', 200],
  ['in its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok', 200],
  ['in its head behind the status line', 'HTTP/1.1 200 OK\r\nContent-', 200],
  ['behind a head that no parser takes', 'HTTP/1.1 503 No\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n', 503],
])('a connection that is reset %s has answered', async (_what, text, status) => {
  const port = await target((socket) => socket.once('data', () => socket.write(text, () => socket.resetAndDestroy())));
  expect(await client().call(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status });
});

test.each([
  ['a body of 900 KB that it does not read', 200],
  ['a body of 900 KB, and closes', 413],
])('a target that answers before it has read %s has answered', async (_what, status) => {
  const port = await target((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write(`HTTP/1.1 ${status} A\r\nContent-Length: 0\r\n\r\n`, () => status === 413 && socket.destroy());
    });
  });
  expect(await client().call(call(`http://127.0.0.1:${port}/`, { body: 'x'.repeat(900_000) }))).toMatchObject({ status });
});

test.each([
  ['of an answer that no parser takes', 'HTTP/1.1 503 No\r\nretry-after:  77 \r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
  ['behind a 103 with another', 'HTTP/1.1 103 E\r\nRetry-After: 5\r\n\r\nHTTP/1.1 503 No\nRetry-After: 77\nContent-Length: 0\n\n'],
  ['that is there twice', 'HTTP/1.1 503 No\r\nRetry-After: 77\r\nRetry-After: 88\r\nContent-Length: 0\r\n\r\n'],
])('Retry-After %s is read', async (_what, text) => {
  const port = await answering(text);
  const { status, retryAfter } = await client().call(call(`http://127.0.0.1:${port}/`));
  expect([status, retryAfter?.trim()]).toEqual([503, '77']);
});

test('endless interim answers are aborted before they cost memory or time', async () => {
  const one = `HTTP/1.1 100 Continue\r\n\r\n`;
  const port = await target((socket) => {
    const more = (): void => {
      while (!socket.destroyed) if (!socket.write(one.repeat(1000))) return void socket.once('drain', more);
    };
    more();
  });
  await expect(client().call(call(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({ code: 'network' });
  const before = process.cpuUsage();
  expect(finalAnswer(`${one.repeat(10_000)}HTTP/1.1 200 OK\r\n`)).toEqual({ status: 200, retryAfter: undefined });
  expect(process.cpuUsage(before).user).toBeLessThan(100_000);
});

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['a status line that does not end', 'HTTP/1.1 200 OK'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status that is a word', 'HTTP/1.1 OK\r\n\r\n'],
  ['a page', '<html>200 OK</html>\r\n\r\n'],
  ['nothing', ''],
  ['a head over 64 KB', `HTTP/1.1 200 OK\r\n${cookies(80)}\r\n`],
  ['half a status line', 'HTTP/1.1 20'],
  ['nothing but a 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['HTTP/2 in letters', 'HTTP/2 200 OK\r\n\r\n'],
])('%s does not count as an answer', async (_what, text) => {
  const port = await answering(text);
  await expect(client().call(call(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({ code: 'network' });
});

describe('the deadline', () => {
  const took = async (making: Promise<unknown>, code = 'timeout') => {
    const began = performance.now();
    await expect(making).rejects.toMatchObject({ code });
    return performance.now() - began;
  };

  test('applies while a name is resolved, and ends the resolution', async () => {
    let given: AbortSignal | undefined;
    const resolve: Resolve = (_name, signal) => {
      given = signal;
      return new Promise<string[]>(() => undefined);
    };
    expect(await took(client(resolve).call(call('http://slow.example/', { timeoutMs: 300 })))).toBeLessThan(900);
    expect(given?.aborted).toBe(true);
  });

  test('is shared by silent addresses, so that a good one after eleven of them is reached', async () => {
    const port = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    const silent = Array.from({ length: 11 }, (_, at) => `127.0.0.${at + 2}`);
    await neverAccepting(silent, port);
    const { call: make } = client(async (name) => (name === 'many.example' ? [...silent, '127.0.0.1'] : silent));
    expect(await make(call(`http://many.example:${port}/`))).toMatchObject({ status: 200 });
    expect(await took(make(call(`http://silent.example:${port}/`, { timeoutMs: 500 })))).toBeLessThan(1500);
  });

  test('applies during the TLS handshake', async () => {
    const port = await target(() => undefined);
    expect(await took(client().call(call(`https://127.0.0.1:${port}/`, { timeoutMs: 300 })))).toBeLessThan(900);
  });

  test('applies while the body is read', async () => {
    const port = await target((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')));
    const began = performance.now();
    expect(await client().call(call(`http://127.0.0.1:${port}/`, { timeoutMs: 400 }))).toMatchObject({ status: 200 });
    expect(performance.now() - began).toBeLessThan(900);
  });
});

test('a good address behind many that refuse is reached, and one that is silent costs a quarter of a second', async () => {
  const port = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  const refusing = Array.from({ length: 11 }, (_, at) => `127.0.1.${at + 1}`);
  expect(await client(async () => [...refusing, '127.0.0.1']).call(call(`http://many.example:${port}/`))).toMatchObject({ status: 200 });
});

describe('a connection that the target closes while it is idle', () => {
  test.each([
    ['closes', (socket: Socket) => socket.destroy()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['says 408', (socket: Socket) => socket.end('HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')],
  ])('as the next request comes (%s) costs no attempt', async (_what, end) => {
    let requests = 0;
    const port = await target((socket) => {
      let first = true;
      socket.on('data', () => {
        if (!first) return end(socket);
        first = false;
        requests += 1;
        return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    const { call: make } = client();
    for (let n = 0; n < 6; n += 1) expect(await make(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 200 });
    expect(requests).toBe(6);
  });

  test('may have said 408 to nobody, which is not the answer of the next call', async () => {
    let requests = 0;
    const port = await target((socket) => {
      socket.once('data', () => {
        requests += 1;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n');
      });
    });
    const { call: make } = client();
    for (let n = 0; n < 3; n += 1) expect(await make(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 200 });
    expect(requests).toBe(3);
  });

  test('is answered 408 on a new connection as the target means it', async () => {
    const port = await answering('HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n');
    expect(await client().call(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 408 });
  });

  test('when it is new counts as a fault of the target', async () => {
    const port = await target((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(client().call(call(`http://127.0.0.1:${port}/`))).rejects.toMatchObject({ code: 'network' });
  });
});
