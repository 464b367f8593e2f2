import { createServer, IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Budget } from './budget.ts';
import type { Config } from './config.ts';
import { CHECK_EVERY_MS, createConnections, type Connection, type ConnectionLimits, type Connections } from './connections.ts';
import { errorBody, faults, IngestError, type FaultCode } from './errors.ts';
import { framingFault, usualHost } from './framing.ts';
import type { Observer } from './observe.ts';
import { newRequestId } from './request-id.ts';

type Fetch = Parameters<typeof getRequestListener>[0];

export type Limits = ConnectionLimits &
  Pick<Config, 'HEADERS_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS' | 'KEEP_ALIVE_TIMEOUT_MS' | 'MAX_HEADER_BYTES'>;

/**
 * The HTTP server around the app. It bounds the time, sockets and memory of a sender, and answers and logs faults that Node
 * finds below the routes like faults of the routes.
 *
 * @param budget of bodies, events and unread answers
 * @returns the server, its open connections, and stop: no new connections, answers close theirs, resolves when the last
 *   is gone
 */
export function createIngestServer(
  fetch: Fetch,
  limits: Limits,
  observe: Pick<Observer, 'request' | 'closed'>,
  budget: Budget,
): { server: Server; connections: () => number; stop: () => Promise<void> } {
  let stopping = false;
  const connections = createConnections(limits, budget, (why) => observe.closed(why));

  const checking = setInterval(() => connections.check(), Math.min(CHECK_EVERY_MS, limits.ANSWER_TIMEOUT_MS)).unref();
  const { answer, refuse, writeRaw } = createRefusals(connections, observe);
  const listener = getRequestListener(fetch, {
    autoCleanupIncoming: false, // Otherwise Node reads the rest of bodies that no route has read.
    errorHandler: (error) => {
      const { status, body } = answer('bad_request', `The request cannot be read: ${error instanceof Error ? error.message : ''}`);
      return new Response(body, { status, headers: { 'content-type': 'application/json' } });
    },
  });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.of(incoming.socket);
    if (connection === undefined) return;
    connections.take(connection, outgoing, () => {
      // After a request for an upgrade, Node's parser loses the bytes that arrived with it.
      if (stopping || incoming.headers.upgrade !== undefined) outgoing.shouldKeepAlive = false;
      const fault = framingFault(incoming);
      if (fault !== undefined) {
        refuse(incoming, outgoing, 'bad_request', fault);
        return;
      }
      // HTTP/1.0 has no Host.
      incoming.headers.host = usualHost(incoming.headers.host ?? 'localhost');
      void listener(incoming, outgoing).then(() => connections.answered(connection, outgoing));
    });
  };
  const server = createServer(
    {
      IncomingMessage: restrained(connections),
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      requestTimeout: limits.REQUEST_TIMEOUT_MS,
      keepAliveTimeout: limits.KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false, // Node's own 400 has no body; the listener refuses it with one.
    },
    handle,
  );
  server.on('connection', (socket) => connections.accept(socket));
  // The route sends 100 Continue when it reads the body; a request that it refuses gets none.
  server.on('checkContinue', handle);
  server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) =>
    refuse(incoming, outgoing, 'expectation_failed', 'Only "Expect: 100-continue" is supported.'),
  );
  server.on('connect', (_request, socket) => writeRaw(socket, 'method_not_allowed', 'CONNECT is not supported.'));
  // Only for a connection that is full or is being closed; see restrained.
  server.on('upgrade', (_request, socket: Socket) => {
    socket.resume();
    const connection = connections.of(socket);
    if (connection === undefined || connection.closing) return;
    observe.closed('too_many_unanswered');
    const end = () => writeRaw(socket, 'overloaded', 'Too many requests on this connection wait for their answer.');
    if (connection.latest === undefined || connection.latest.writableFinished) end();
    else connection.latest.once('finish', end);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const connection = connections.of(socket);
    if (connection?.closing === true) return; // The rest of a refused request.
    const [code, message] = faultOf(error);
    const outgoing = connection?.latest;
    const incoming = outgoing?.req;
    if (code === undefined || !socket.writable) socket.destroy();
    // The route is reading the body, so the route answers.
    else if (outgoing !== undefined && incoming !== undefined && !incoming.complete && incoming.listenerCount('error') > 0) {
      outgoing.shouldKeepAlive = false; // The parser cannot read what follows.
      incoming.emit('error', new IngestError(code, message));
    }
    // An answer is being sent, to this request or an earlier one. A second answer would be mistaken for it.
    else if (outgoing !== undefined && !outgoing.writableFinished) outgoing.once('finish', () => socket.destroySoon());
    else if (incoming?.complete === false) socket.destroy();
    else writeRaw(socket, code, message);
  });

  return {
    server,
    connections: connections.count,
    stop: () => {
      stopping = true;
      server.closeIdleConnections();
      return new Promise((resolve) =>
        server.close(() => {
          clearInterval(checking);
          resolve();
        }),
      );
    },
  };
}

/** Refuses a request that never reached a route. */
function createRefusals(connections: Connections, observe: Pick<Observer, 'request'>) {
  /** Writes the answer and its log line. The time counts from the start of the connection. */
  function answer(code: FaultCode, message: string, socket?: Duplex): { status: number; body: string } {
    const requestId = newRequestId();
    const since = socket === undefined ? undefined : connections.of(socket)?.at;
    const durationMs = since === undefined ? 0 : Math.round(performance.now() - since);
    observe.request({ requestId, status: faults[code].status, outcome: code, durationMs });
    return { status: faults[code].status, body: JSON.stringify(errorBody(code, message, requestId)) };
  }

  /** Answers a request without a response object, and closes the connection. */
  function writeRaw(socket: Duplex, code: FaultCode, message: string): void {
    const connection = connections.of(socket);
    if (connection === undefined || !socket.writable) return;
    const { status, body } = answer(code, message, socket);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    socket.write(`${head}${faults[code].retryable ? '\r\nRetry-After: 1' : ''}\r\nConnection: close\r\n\r\n${body}`);
    connections.linger(connection);
  }

  /** Refuses a request before its route. The connection is closed, as its further bytes may not be what the sender means. */
  function refuse(incoming: IncomingMessage, outgoing: ServerResponse, code: FaultCode, message: string): void {
    const { status, body } = answer(code, message, incoming.socket);
    const connection = connections.of(incoming.socket);
    if (connection !== undefined) connection.closing = true;
    outgoing.shouldKeepAlive = false;
    outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  }
  return { answer, refuse, writeRaw };
}

/**
 * Lets the parser stop when a connection is full. Node's parser reads up to 64 KB at once and makes an object of each
 * request in it; only a request for an upgrade makes it stop. Bodies are read in turns, also the rest of a refused one.
 */
function restrained(connections: Connections): typeof IncomingMessage {
  return class extends IncomingMessage {
    readonly #stop: boolean;
    readonly #connection: Connection | undefined;
    #asked = false;

    constructor(socket: Socket) {
      super(socket);
      this.#stop = connections.isFull(socket);
      this.#connection = connections.of(socket);
    }

    override push(piece: Buffer | null): boolean {
      if (piece !== null && this.#connection !== undefined) connections.took(this.#connection, piece.length);
      return super.push(piece);
    }

    /** The stream wants more: in its turn. */
    override _read(size: number): void {
      if (this.#connection?.resting !== true) super._read(size);
    }

    set upgrade(asked: boolean) {
      // Node's constructor sets it before fields exist.
      if (#stop in this) this.#asked = asked;
    }

    /** Whether an upgrade is accepted: never. */
    get upgrade(): boolean {
      return this.#stop || (this.#asked && this.method === 'CONNECT');
    }
  };
}

function faultOf({ code }: NodeJS.ErrnoException): [FaultCode | undefined, string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request_timeout', 'The request did not arrive in time.'];
    case 'HPE_HEADER_OVERFLOW':
      return ['headers_too_large', 'The request line and headers are too large.'];
    default:
      // Other errors of the parser are answered; nobody reads an answer on a lost connection.
      return [code?.startsWith('HPE_') === true ? 'bad_request' : undefined, `Malformed HTTP request (${code}).`];
  }
}
