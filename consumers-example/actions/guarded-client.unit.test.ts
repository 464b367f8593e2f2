import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseAllowed, whyNotUrl } from './address-guard.ts';
import { createGuardedClient, type Call } from './guarded-client.ts';
import type { Resolve } from './resolve.ts';

const nothing = parseAllowed([], [80, 443]);

const hosts = {
  loopback: [
    '127.0.0.1',
    '127.1',
    '127.0.0.1.',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0x7f.1',
    '0177.0.0.1',
    '[::1]',
  ],
  'loopback in other digits': ['①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1'],
  'this network': ['0.0.0.0', '0', '0.1.2.3', '[::]'],
  private: ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.254', '192.168.0.1', '192.168.1.1', '0xa.0.0.1', '3232235521'],
  'link-local and metadata': [
    '169.254.169.254',
    '169.254.0.1',
    '2852039166',
    '0xa9fea9fe',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '168.63.129.16',
  ],
  'carrier-grade NAT': ['100.64.0.1', '100.100.100.200', '100.127.255.254'],
  'multicast and broadcast': ['224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1', '[ff02::1]', '[ff0e::1]'],
  'documentation, benchmarks, protocols': [
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '198.19.255.254',
    '192.0.0.8',
    '[2001:db8::1]',
    '[3fff::1]',
    '[2001:2::1]',
  ],
  'IPv4 in IPv6': ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:8.8.8.8]', '[::127.0.0.1]', '[::8.8.8.8]', '[::ffff:0:127.0.0.1]'],
  'tunnels and translators': [
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:4136:e378::1]',
    '192.88.99.1',
  ],
  'what is not routed': [
    '[fc00::1]',
    '[fdff::1]',
    '[fec0::1]',
    '[100::1]',
    '[5f00::1]',
    '[4000::1]',
    '[1::1]',
    '[2620:4f:8000::1]',
    '192.175.48.1',
  ],
};
const urls = [
  ...Object.entries(hosts).flatMap(([what, list]) => list.map((host) => ({ what, url: `http://${host}/` }))),
  { what: 'another scheme', url: 'file:///etc/passwd' },
  { what: 'another scheme', url: 'ftp://93.184.216.34/' },
  { what: 'another scheme', url: 'gopher://93.184.216.34:80/' },
  { what: 'credentials', url: 'http://user:pass@93.184.216.34/' },
  { what: 'credentials', url: 'http://example.com@127.0.0.1/' },
  { what: 'credentials', url: 'https://user@example.com/' },
  { what: 'plain text', url: 'http://93.184.216.34/' },
  { what: 'plain text', url: 'http://example.com/' },
  { what: 'a port', url: 'http://93.184.216.34:22/' },
  { what: 'a port', url: 'http://93.184.216.34:5432/' },
  { what: 'a port', url: 'http://example.com:8083/' },
  { what: 'a port', url: 'https://[2606:2800:220:1::1]:9092/' },
];
const notUrls = ['http://[fe80::1%25eth0]/', 'http://[::1', 'http://1.2.3.256/', 'http://0x100000000/', 'http://a b/', 'http://'];
const publicHosts = [
  '93.184.216.34',
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '198.20.0.1',
  '[2606:2800:220:1::1]',
  '[2a00:1450::1]',
  '[64:ff9b::8.8.8.8]',
  'example.com',
  'example.com.',
];

const call = (url: string, more: Partial<Call> = {}): Call => ({
  url: new URL(url),
  ...{ method: 'POST', headers: {}, body: '{}', timeoutMs: 2000, insecure: url.includes('target.example'), ...more },
});

/** What a test opens. */
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

describe('a URL', () => {
  test('is refused by at least sixty vectors', () => expect(urls.length).toBeGreaterThanOrEqual(60));

  test.each(urls)('of $what is refused and not connected to: $url', async ({ url }) => {
    expect(whyNotUrl(new URL(url), nothing)).toBeTypeOf('string');
    const asked: string[] = [];
    const { call: make } = client([], async (name) => {
      asked.push(name);
      return ['93.184.216.34'];
    });
    await expect(make(call(url))).rejects.toMatchObject({ code: 'blocked' });
    expect(asked).toEqual([]);
  });

  test.each(notUrls)('that is none is refused by the parser: %s', (url) => expect(URL.canParse(url)).toBe(false));

  test.each(publicHosts)('of the public internet may be a target: %s', (host) => {
    expect(whyNotUrl(new URL(`https://${host}/`), nothing)).toBeUndefined();
  });
});

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
    ['fe80::1%eth0'],
    ['0177.0.0.1'],
    ['localhost'],
    [''],
  ];
  test.each(answers.map((list) => ({ list })))('that resolves to $list is refused, whichever comes first', async ({ list }) => {
    await expect(client([], async () => list).call(call('http://target.example/'))).rejects.toMatchObject({ code: 'blocked' });
    await expect(client([], async () => list.toReversed()).call(call('http://target.example/'))).rejects.toMatchObject({ code: 'blocked' });
  });

  test('is resolved once for a connection, which goes to the very address that was judged', async () => {
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

  test.each(['localhost', '10.0.0.1', '10.0.0.0/33', 'host:', ':80', 'http://a:80', 'a b:80', 'a.b:0', 'a.b:99999', '[::g]:80'])(
    'that is none is named: %s',
    (entry) => {
      expect(() => parseAllowed([entry], [])).toThrow(`"${entry}" is neither`);
    },
  );
});

test.each([
  ['crm_api:8080', 'http://crm_api:8080/'],
  ['Crm.Example:8080', 'http://crm.example.:8080/'],
  ['[0:0:0:0:0:0:0:1]:3003', 'http://[::1]:3003/'],
  ['[::ffff:127.0.0.1]:3003', 'http://[::ffff:7f00:1]:3003/'],
  ['127.1:3003', 'http://127.0.0.1:3003/'],
  ['0x7f.1:80', 'http://127.0.0.1/'],
])('the exception %s is for %s', (entry, url) => {
  expect(whyNotUrl(new URL(url), parseAllowed([entry], []))).toBeUndefined();
  expect(whyNotUrl(new URL(url), parseAllowed([], []))).toBeTypeOf('string');
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

  test('that drips its body has answered, and is hung up on', async () => {
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

  test('that nobody listens at is named with its fault, address and port', async () => {
    const made = client(['127.0.0.1:1']).call(call('http://127.0.0.1:1/'));
    await expect(made).rejects.toMatchObject({ code: 'network', message: 'ECONNREFUSED at 127.0.0.1:1' });
  });

  test('is asked again over a connection that is there', async () => {
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
