import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseAllowed, whyNotAddress } from './address-guard.ts';
import { createGuardedClient, type Call } from './guarded-client.ts';
import type { Resolve } from './resolve.ts';

const nothing = parseAllowed([], [80, 443]);

const call = (url: string, more: Partial<Call> = {}): Call => ({
  url: new URL(url),
  ...{ method: 'POST', headers: {}, body: '{}', timeoutMs: 2000, insecure: url.includes('target.example'), ...more },
});

/** Everything that a test opens. */
const opened: { close: () => void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function client(allow: string[], resolve?: Resolve) {
  const made = createGuardedClient(parseAllowed(allow, [80, 443]), resolve);
  opened.push({ close: () => void made.close() });
  return made;
}

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  opened.push({ close: () => server.close() });
  return (server.address() as AddressInfo).port;
}

async function target(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(handle);
  opened.push({ close: () => server.closeAllConnections() });
  return listening(server);
}

/** A target that speaks no HTTP of Node's. */
async function rawTarget(handle: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  opened.push({ close: () => sockets.forEach((socket) => socket.destroy()) });
  return listening(
    createTcpServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      handle(socket);
    }),
  );
}

describe('a name', () => {
  const answers = [
    ...[
      '127.0.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '192.168.1.1',
      '::1',
      '::ffff:127.0.0.1',
      'fd00:ec2::254',
      '64:ff9b::a9fe:a9fe',
      '0.0.0.0',
    ].map((address) => [address]),
    ['93.184.216.34', '127.0.0.1'],
    ['2606:2800:220:1::1', '::1'],
    ['93.184.216.34', 'fd12::1'],
    ['93.184.216.34', '64:ff9b::10.0.0.1'],
    ['93.184.216.34', '64:ff9b:1::5db8:d822'],
    ['fe80::1%eth0'],
    ['0177.0.0.1'],
    ['localhost'],
    [''],
  ];
  test.each(answers.map((list) => ({ list })))('that resolves to $list is refused, whichever comes first', async ({ list }) => {
    await expect(client([], async () => list).call(call('http://target.example/'))).rejects.toMatchObject({ code: 'blocked' });
    await expect(client([], async () => list.toReversed()).call(call('http://target.example/'))).rejects.toMatchObject({ code: 'blocked' });
  });

  test('is resolved once per connection, which goes to a checked address', async () => {
    const port = await target((request, response) => response.end(request.headers.host));
    const answers = ['127.0.0.2', '127.0.0.1'];
    let asked = 0;
    // Rebinding: a first answer that is fine, a second one that is not. The server listens where the second one points.
    const { call: make } = client(['127.0.0.2/32'], async () => [answers[asked++] ?? '127.0.0.1']);
    await expect(make(call(`http://target.example:${port}/`))).rejects.toMatchObject({ code: 'network' });
    expect(asked).toBe(1);
    await expect(make(call(`http://target.example:${port}/`))).rejects.toMatchObject({ code: 'blocked' });
    expect(asked).toBe(2);
  });

  test('stays in the Host header while the connection goes to its address', async () => {
    const seen: (string | undefined)[] = [];
    const port = await target((request, response) => {
      seen.push(request.headers.host);
      response.end();
    });
    const { call: make } = client(['127.0.0.0/8'], async () => ['127.0.0.1']);
    expect(await make(call(`http://target.example:${port}/`, { insecure: false }))).toEqual({ status: 200, retryAfter: undefined });
    expect(seen).toEqual([`target.example:${port}`]);
  });

  test.each([
    ['64:ff9b::5db8:d822', [], true],
    ['64:ff9b::a01:203', ['10.1.2.3:80'], false],
    ['64:ff9b::a01:203', ['10.1.0.0/16'], false],
  ])('of a network with DNS64 counts by the address inside: %s with %j allowed', (address, entries, mayBePlain) => {
    expect(whyNotAddress('target.example', address, 80, parseAllowed(entries, [80, 443]), mayBePlain)).toBeUndefined();
    if (entries.length > 0) expect(whyNotAddress('target.example', address, 80, nothing, true)).toMatch(/is private/);
  });

  test('with a dot at its end is asked for as it stands', async () => {
    const asked: string[] = [];
    const { call: make } = client([], async (name) => {
      asked.push(name);
      return [];
    });
    for (const name of ['target.example.', 'target.example'])
      await make(call(`http://${name}/`, { insecure: true })).catch(() => undefined);
    expect(asked).toEqual(['target.example.', 'target.example']);
  });

  test('without an address fails without a connection', async () => {
    await expect(client([], async () => []).call(call('http://target.example/'))).rejects.toMatchObject({ code: 'network' });
  });
});

describe('an exception', () => {
  test('of host and port is for that host and port only', async () => {
    const port = await target((_request, response) => response.end());
    const other = await target((_request, response) => response.end());
    const { call: make } = client([`127.0.0.1:${port}`]);
    expect(await make(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 200 });
    await expect(make(call(`http://127.0.0.1:${other}/`))).rejects.toMatchObject({ code: 'blocked' });
    await expect(make(call(`http://127.0.0.2:${port}/`))).rejects.toMatchObject({ code: 'blocked' });
  });
});

describe('a target', () => {
  test('that redirects to the metadata address is answered with its own status, and nothing is followed', async () => {
    const port = await target((_request, response) =>
      response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
    );
    expect(await client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 307 });
  });

  test('that never answers is given up at the deadline', async () => {
    const port = await rawTarget(() => undefined);
    const began = performance.now();
    const made = client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`, { timeoutMs: 300 }));
    await expect(made).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - began).toBeLessThan(1500);
  });

  test('that drips its head is given up at the deadline, however often a byte comes', async () => {
    const port = await rawTarget((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x-drip: 1\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const made = client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`, { timeoutMs: 300 }));
    await expect(made).rejects.toMatchObject({ code: 'timeout' });
  });

  test('that drips its body has answered, and its connection is dropped', async () => {
    let closed = false;
    const port = await rawTarget((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => {
        closed = true;
        clearInterval(timer);
      });
    });
    const began = performance.now();
    const answer = await client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`, { timeoutMs: 5000 }));
    expect(answer).toMatchObject({ status: 200 });
    expect(performance.now() - began).toBeLessThan(3000);
    await expect.poll(() => closed).toBe(true);
  });

  test.each([
    ['says so', `content-length: ${2 ** 30}\r\n`],
    ['does not say so', 'connection: close\r\n'],
  ])('that answers a gigabyte and %s has answered, and little of it is read', async (_what, header) => {
    let sent = 0;
    const chunk = Buffer.alloc(65_536);
    const port = await rawTarget((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n`);
      const more = (): void => {
        while (!socket.destroyed && sent < 2 ** 30) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', more);
        }
      };
      more();
    });
    expect(await client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 200 });
    // 64 KB are read; what lies in the sockets' buffers was sent as well.
    expect(sent).toBeLessThan(32 * 2 ** 20);
  });

  test.each([
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['resets in its head', (socket: Socket) => socket.write('HTTP/1.1 200', () => socket.resetAndDestroy())],
    ['speaks no HTTP', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')],
    ['sends a head of a megabyte', (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(2 ** 20)}\r\n\r\n`)],
  ])('that %s has not answered', async (_what, handle) => {
    const port = await rawTarget((socket) => socket.once('data', () => handle(socket)));
    const made = client([`127.0.0.1:${port}`]).call(call(`http://127.0.0.1:${port}/`));
    await expect(made).rejects.toMatchObject({ code: 'network' });
  });

  test('that is not listening is reported with its fault, address and port', async () => {
    const made = client(['127.0.0.1:1']).call(call('http://127.0.0.1:1/'));
    await expect(made).rejects.toMatchObject({ code: 'network', message: 'ECONNREFUSED at 127.0.0.1:1' });
  });

  test('is called again over an open connection', async () => {
    const ports = new Set<number | undefined>();
    const port = await target((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('fine');
    });
    const { call: make } = client([`127.0.0.1:${port}`]);
    for (let n = 0; n < 50; n += 1) expect(await make(call(`http://127.0.0.1:${port}/`))).toMatchObject({ status: 200 });
    // One is given back while the next call looks for one: two take turns.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});
