import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * open: everything passes. cut: connections are reset, new ones too. stall: connections are accepted and nothing passes.
 * slow: every piece is late and the rate is bounded. half-open: existing connections silently lose everything, as behind a
 * firewall that forgot them, and new ones work.
 */
export type LinkState = 'open' | 'cut' | 'stall' | 'slow' | 'half-open';

const SLOW_MS = 200;
const SLOW_BYTES_PER_SECOND = 1_000_000;

interface Pair {
  sides: readonly [Socket, Socket];
  severed: boolean;
}

/** A TCP link between two parts: a port in front of a server's own. */
export class Link {
  readonly name: string;
  readonly port: number;
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #state: LinkState = 'open';

  private constructor(name: string, port: number, targetPort: number) {
    this.name = name;
    this.port = port;
    this.#targetPort = targetPort;
    this.#server = createServer({ noDelay: true }, (client) => this.#take(client));
  }

  static async open(name: string, port: number, targetPort: number): Promise<Link> {
    const link = new Link(name, port, targetPort);
    await new Promise<void>((resolve, reject) => {
      link.#server.once('error', reject);
      link.#server.listen(port, '127.0.0.1', resolve);
    });
    return link;
  }

  set state(state: LinkState) {
    this.#state = state;
    for (const pair of this.#pairs) {
      if (state === 'cut') for (const side of pair.sides) side.resetAndDestroy();
      else if (state === 'half-open') pair.severed = true;
      for (const side of pair.sides)
        if (state === 'stall') side.pause();
        else side.resume();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { sides } of this.#pairs) for (const side of sides) side.destroy();
    await closed;
  }

  #take(client: Socket): void {
    if (this.#state === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true });
    const pair: Pair = { sides: [client, server], severed: false };
    this.#pairs.add(pair);
    this.#pipe(pair, client, server);
    this.#pipe(pair, server, client);
    if (this.#state === 'stall') for (const side of pair.sides) side.pause();
  }

  #pipe(pair: Pair, from: Socket, to: Socket): void {
    from.on('error', () => undefined); // 'close' follows.
    from.on('end', () => {
      if (!pair.severed) to.end();
    });
    from.on('close', () => {
      // The other side of a severed link hears nothing of it.
      if (!pair.severed) to.destroy();
      if (pair.sides.every(({ destroyed }) => destroyed)) this.#pairs.delete(pair);
    });
    to.on('drain', () => {
      if (this.#state !== 'stall') from.resume();
    });
    from.on('data', (piece: Buffer) => {
      if (pair.severed) return;
      if (this.#state === 'slow') this.#later(pair, from, to, piece);
      else if (!to.write(piece)) from.pause();
    });
  }

  /** Delays the piece and reads no further meanwhile, so that the pieces keep their order and the rate is bounded. */
  #later(pair: Pair, from: Socket, to: Socket, piece: Buffer): void {
    from.pause();
    setTimeout(
      () => {
        if (pair.severed || to.destroyed) return;
        to.write(piece);
        if (this.#state !== 'stall') from.resume();
      },
      SLOW_MS + (piece.length * 1000) / SLOW_BYTES_PER_SECOND,
    );
  }
}
