import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  status: number;
  headers: string;
  body: string;
  /** Whether the connection was reset. */
  reset: boolean;
  /** Everything that came. */
  text: string;
}

/**
 * Writes the pieces as they are, one after another, and reads until the server closes or `until` has come. A fetch
 * would correct the faults of these requests.
 */
export function sendRaw(port: number, pieces: Iterable<string | Buffer>, until: RegExp = /\r\n\r\n[^]*\}$/): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let reset = false;
    const done = () => {
      socket.destroy();
      const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), headers: head, body, reset, text });
    };
    socket.setTimeout(20_000, done);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (reset ||= code === 'ECONNRESET' || code === 'EPIPE'));
    socket.on('close', done);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (until.test(text)) done();
    });
    void (async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        if (!socket.write(piece)) await new Promise((drained) => socket.once('drain', drained).once('close', drained));
      }
    })();
  });
}
