import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  port: number;
  /** How long what the client sends is held back, from now on. */
  delayMs: number;
  /** Asked about each piece that the server sends, before it is passed on; true cuts the connection in its place. */
  cutBefore: (answer: Buffer) => boolean;
  /** From now on all connections are silently dead: nothing passes, and neither end notices. New ones work. */
  silenceAll(): void;
  /** Ends all connections; new ones are taken. */
  cutAll(): void;
  close(): Promise<void>;
}

/** A TCP link that a test can make slow or cut: stands in front of a server on this machine. */
export async function startProxy(targetPort: number, ownPort = 0): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined); // 'close' follows.
      socket.on('close', () => {
        sockets.delete(socket);
        if (!silent.has(socket)) other.destroy();
      });
    }
    // Timers of the same length fire in the order in which they were set, so pieces keep theirs.
    client.on('data', (piece) => {
      if (silent.has(client)) return;
      if (proxy.delayMs === 0) upstream.write(piece);
      else setTimeout(() => upstream.write(piece), proxy.delayMs);
    });
    upstream.on('data', (piece: Buffer) => {
      if (silent.has(upstream)) return;
      if (proxy.cutBefore(piece)) client.resetAndDestroy();
      else client.write(piece);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ownPort, '127.0.0.1', resolve);
  });
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    cutBefore: () => false,
    silenceAll: () => {
      for (const socket of sockets) silent.add(socket);
    },
    cutAll,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cutAll();
      return closed;
    },
  };
  return proxy;
}
