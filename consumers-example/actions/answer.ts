import type { ClientRequest, IncomingMessage } from 'node:http';

// The answer of a target. Only its final status line counts: rare but legal behaviour, and mistakes of careless servers, do
// not turn a 2xx into a failure.

export interface Answer {
  status: number;
  /** As it came. */
  retryAfter: string | undefined;
}

const ANSWER_LIMIT_BYTES = 65_536;
/** Enough for servers with many cookies and policies; Node's own limit is a quarter of it. */
export const HEAD_LIMIT_BYTES = 66_560;
/** Of a head and all 1xx in front of it. */
const INTERIM_LIMIT_BYTES = 4 * HEAD_LIMIT_BYTES;
/** The head decides. The body is read only so that the connection can be reused; a longer one costs a new connection. */
const BODY_WITHIN_MS = 1000;

/** The bytes before the parser has read a complete head. */
export function watchHead(sent: ClientRequest): { text: () => string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  sent.on('socket', (socket) => {
    const keep = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > INTERIM_LIMIT_BYTES) sent.destroy(Object.assign(new Error('too many interim answers'), { code: 'HPE_HEADER_OVERFLOW' }));
      else chunks.push(chunk);
    };
    // Before the parser's own listener.
    socket.prependListener('data', keep);
    const done = () => socket.off('data', keep);
    sent.once('response', done);
    sent.once('close', done);
  });
  return { text: () => Buffer.concat(chunks).toString('latin1') };
}

/** The answer in a malformed or incomplete head: its last status line after all 1xx counts. */
export function finalAnswer(head: string): Answer | undefined {
  const statusLine = /\s*HTTP\/1(?:\.\d)?[ \t]+(\d{3})(?!\d)[^\n]*\n/iy;
  const end = /\n\r?\n/g;
  for (;;) {
    const status = statusLine.exec(head)?.[1];
    if (status === undefined) return undefined;
    // The line break of the status line may be the one before the empty line.
    const from = statusLine.lastIndex - 1;
    end.lastIndex = from;
    const found = end.exec(head);
    if (!status.startsWith('1') || status === '101') {
      const [, retryAfter] = /^retry-after[ \t]*:[ \t]*([^\r\n]*)/im.exec(head.slice(from, found?.index)) ?? [];
      return { status: Number(status), retryAfter };
    }
    if (found === null) return undefined;
    statusLine.lastIndex = end.lastIndex;
  }
}

/** Reads the rest of an answer within bounds, and drops the connection beyond them. The content is ignored. */
export function drain(response: IncomingMessage, deadline: number, done: () => void): void {
  const { socket } = response;
  let bytes = 0;
  let over = false;
  const finish = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    if (!response.complete) socket.destroy();
    done();
  };
  const timer = setTimeout(finish, Math.min(BODY_WITHIN_MS, Math.max(0, deadline - performance.now() - 50)));
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_LIMIT_BYTES) finish();
  });
  // Too long, too slow or broken off: the status has arrived, and it is the answer.
  for (const event of ['end', 'error', 'close']) response.once(event, finish);
}

/** The end of such a body is ambiguous: what follows on the connection could be part of it. */
export const isAmbiguous = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined;
