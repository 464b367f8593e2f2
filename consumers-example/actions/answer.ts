import type { ClientRequest, IncomingMessage } from 'node:http';

// What a target answered. Its final status line counts, whatever else it does: what is legal though rare, and what careless
// servers send, does not turn a 2xx into a failure.

export interface Answer {
  status: number;
  /** As it came. */
  retryAfter: string | undefined;
}

const ANSWER_LIMIT_BYTES = 65_536;
/** As servers with many cookies and policies send it; Node's own limit is a quarter of it. */
export const HEAD_LIMIT_BYTES = 66_560;
/** Of a head and all 1xx in front of it. */
const INTERIM_LIMIT_BYTES = 4 * HEAD_LIMIT_BYTES;
/** The head decides; the body is read only so that the connection can be used again. A longer one costs a new connection. */
const BODY_WITHIN_MS = 1000;

/** What comes before the parser has understood a head. */
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

/** What a head says that no parser takes, or that breaks off: its last status line counts, behind all 1xx. */
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

/** Reads what is left of an answer within bounds, and drops the connection beyond them. Its content says nothing. */
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
  // Too long, too slow or broken off: the status has come, and that is the answer.
  for (const event of ['end', 'error', 'close']) response.once(event, finish);
}

/** Where it ends is a matter of opinion: what follows on this connection could be a part of it. */
export const isAmbiguous = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined;
