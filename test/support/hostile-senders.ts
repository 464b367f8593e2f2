import { connect } from 'node:net';

// Senders that cost a server as much as they can: each opens its connections at once, writes what its kind says, and
// holds them. Nothing that is answered is ever read unless the kind says so.

export interface Hostile {
  what: string;
  connections: number;
  /** What each connection writes. */
  bytes: string;
  reads: boolean;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (path: string, ...lines: string[]) =>
  ['POST ' + path + ' HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines, '', ''].join('\r\n');

/** A JSON string one byte short of its length. */
const oneByteShort = (path: string, length: number) => post(path, `Content-Length: ${length}`) + `"${'x'.repeat(length - 2)}`;

/** The kinds by their names. @param path of a hook */
export const hostile = (path: string) =>
  ({
    document: { what: '400 requests for /openapi.json, unread', connections: 4000, bytes: get('/openapi.json').repeat(400), reads: false },
    pipeline: { what: '400 requests for /livez, unread', connections: 4000, bytes: get('/livez').repeat(400), reads: false },
    heads: { what: 'half heads', connections: 2000, bytes: post(path).slice(0, -2), reads: true },
    bodies: { what: 'bodies one byte short', connections: 2000, bytes: oneByteShort(path, 500_000), reads: true },
    silent: { what: 'connections that send nothing', connections: 4500, bytes: '', reads: true },
    idle: { what: 'kept connections that are idle', connections: 4500, bytes: get('/livez'), reads: true },
    crumbs: {
      what: 'bodies in chunks of one byte',
      connections: 200,
      bytes: post(path, 'Transfer-Encoding: chunked') + '1\r\nx\r\n'.repeat(500_000),
      reads: true,
    },
  }) satisfies Record<string, Hostile>;

export type Kind = keyof ReturnType<typeof hostile>;

/**
 * Attacks until it is stopped. A connection that the server closed is replaced after `again` ms.
 *
 * @returns how many connections are open, how many were opened, and the first bytes that came back, by how often
 */
export function attack(port: number, { connections, bytes, reads }: Hostile, again = 5000) {
  const open = new Set<{ destroy: () => void }>();
  const answers = new Map<string, number>();
  let stopped = false;
  let opened = 0;

  function one(): void {
    if (stopped) return;
    const socket = connect({ port, host: '127.0.0.1' });
    if (!reads) socket.pause();
    open.add(socket);
    opened += 1;
    if (bytes !== '') socket.write(bytes, 'latin1');
    let first = '';
    if (reads) socket.on('data', (chunk: Buffer) => (first ||= chunk.toString('latin1', 9, 12)));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      answers.set(first, (answers.get(first) ?? 0) + 1);
      if (!stopped) setTimeout(one, again).unref();
    });
  }
  for (let n = 0; n < connections; n += 1) one();
  return {
    open: () => open.size,
    opened: () => opened,
    answers: () => Object.fromEntries(answers),
    stop: () => {
      stopped = true;
      for (const socket of open) socket.destroy();
    },
  };
}
