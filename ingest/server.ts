import { createServer, IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Budget } from './budget.ts';
import type { Config } from './config.ts';
import { CHECK_EVERY_MS, createConnections, type ConnectionLimits, type Connections } from './connections.ts';
import { errorBody, faults, IngestError, type FaultCode } from './errors.ts';
import { framingFault, usualHost } from './framing.ts';
import type { Observer } from './observe.ts';
import { newRequestId } from './request-id.ts';

type Fetch = Parameters<typeof getRequestListener>[0];

export type Limits = ConnectionLimits &
  Pick<Config, 'HEADERS_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS' | 'KEEP_ALIVE_TIMEOUT_MS' | 'MAX_HEADER_BYTES'>;

/**
 * The HTTP server around the app: bounds what a sender may take in time, sockets and memory, and gives every fault that
 * Node finds below the routes the same JSON answer and the same log line as one of the routes.
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
    autoCleanupIncoming: false, // Node reads on by itself what no route has read.
    errorHandler: (error) => {
      const { status, body } = answer('bad_request', `The request cannot be read: ${error instanceof Error ? error.message : ''}`);
      return new Response(body, { status, headers: { 'content-type': 'application/json' } });
    },
  });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.of(incoming.socket);
    if (connection === undefined) return;
    connections.take(connection, outgoing, () => {
      // Behind a wish for another protocol, Node's parser loses what arrived together with it.
      if (stopping || incoming.headers.upgrade !== undefined) outgoing.shouldKeepAlive = false;
      const fault = framingFault(incoming);
      if (fault !== undefined) {
        refuse(incoming, outgoing, 'bad_request', fault);
        return;
      }
      // HTTP/1.0 knows no Host.
      incoming.headers.host = usualHost(incoming.headers.host ?? 'localhost');
      void listener(incoming, outgoing).then(() => connections.answered(connection, outgoing));
    });
  };
  const server = createServer(
    {
      IncomingMessage: stoppable(connections),
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
  // Not at once: the route says "continue" when it reads the body, and refuses without it.
  server.on('checkContinue', handle);
  server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) =>
    refuse(incoming, outgoing, 'expectation_failed', 'Only "Expect: 100-continue" is supported.'),
  );
  server.on('connect', (_request, socket) => writeRaw(socket, 'method_not_allowed', 'CONNECT is not supported.'));
  // Only for a connection that is full or is being closed; see stoppable.
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
    if (connection?.closing === true) return; // More of what was refused already.
    const [code, message] = faultOf(error);
    const outgoing = connection?.latest;
    const incoming = outgoing?.req;
    if (code === undefined || !socket.writable) socket.destroy();
    // Its route is reading the body: the route answers, with what it knows of the request.
    else if (outgoing !== undefined && incoming !== undefined && !incoming.complete && incoming.listenerCount('error') > 0) {
      outgoing.shouldKeepAlive = false; // The parser understands nothing that comes after it.
      incoming.emit('error', new IngestError(code, message));
    }
    // An answer is on its way, to an earlier request or to this one: another would be taken for it.
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

/** How what never reached a route is refused. */
function createRefusals(connections: Connections, observe: Pick<Observer, 'request'>) {
  /** The answer, and its line. Its time counts from the start of the connection. */
  function answer(code: FaultCode, message: string, socket?: Duplex): { status: number; body: string } {
    const requestId = newRequestId();
    const since = socket === undefined ? undefined : connections.of(socket)?.at;
    const durationMs = since === undefined ? 0 : Math.round(performance.now() - since);
    observe.request({ requestId, status: faults[code].status, outcome: code, durationMs });
    return { status: faults[code].status, body: JSON.stringify(errorBody(code, message, requestId)) };
  }

  /** Where no response object stands for the request. The connection is closed. */
  function writeRaw(socket: Duplex, code: FaultCode, message: string): void {
    const connection = connections.of(socket);
    if (connection === undefined || !socket.writable) return;
    const { status, body } = answer(code, message, socket);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    socket.write(`${head}${faults[code].retryable ? '\r\nRetry-After: 1' : ''}\r\nConnection: close\r\n\r\n${body}`);
    connections.linger(connection);
  }

  /** Before its route. What follows on the connection may not be what its sender means, so it is closed. */
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
 * Requests of which the parser takes no more once their connection is full. Node's parser reads up to 64 KB at once, and
 * however many requests that may be it makes an object of each; only one that asks for an upgrade makes it stop.
 */
function stoppable(connections: Connections): typeof IncomingMessage {
  return class extends IncomingMessage {
    readonly #stop: boolean;
    #asked = false;

    constructor(socket: Socket) {
      super(socket);
      this.#stop = connections.isFull(socket);
    }

    set upgrade(asked: boolean) {
      // Set by Node's constructor before there are fields.
      if (#stop in this) this.#asked = asked;
    }

    /** Whether a sender's wish for another protocol is heard: never. */
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
      // Anything else that the parser did not understand; a lost connection has no one to be answered.
      return [code?.startsWith('HPE_') === true ? 'bad_request' : undefined, `Malformed HTTP request (${code}).`];
  }
}
