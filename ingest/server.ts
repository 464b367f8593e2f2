import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { Config } from './config.ts';
import { errorBody, faults, IngestError, type FaultCode } from './errors.ts';
import type { Observer } from './observe.ts';
import { newRequestId } from './request-id.ts';

type Fetch = Parameters<typeof getRequestListener>[0];

export type Limits = Pick<
  Config,
  'HEADERS_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS' | 'KEEP_ALIVE_TIMEOUT_MS' | 'MAX_HEADER_BYTES' | 'MAX_CONNECTIONS'
>;

/**
 * The HTTP server around the app: bounds what a sender may take in time and sockets, and gives every fault that Node
 * finds below the routes the same JSON answer and the same log line as one of the routes.
 *
 * @returns the server, and stop: no new connections, answers close theirs, resolves when the last is gone
 */
export function createIngestServer(
  fetch: Fetch,
  limits: Limits,
  observe: Pick<Observer, 'request'>,
): { server: Server; stop: () => Promise<void> } {
  let stopping = false;
  /** By socket: when it was accepted, and the latest answer on it. */
  const connections = new WeakMap<Duplex, { at: number; latest?: ServerResponse }>();

  /** The answer to what never reached a route, and its line. Its time counts from the start of the connection. */
  function answer(code: FaultCode, message: string, socket?: Duplex): { status: number; body: string } {
    const requestId = newRequestId();
    const since = socket === undefined ? undefined : connections.get(socket)?.at;
    const durationMs = since === undefined ? 0 : Math.round(performance.now() - since);
    observe.request({ requestId, status: faults[code].status, outcome: code, durationMs });
    return { status: faults[code].status, body: JSON.stringify(errorBody(code, message, requestId)) };
  }

  function writeRaw(socket: Duplex, code: FaultCode, message: string): void {
    const { status, body } = answer(code, message, socket);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    socket.end(`${head}${faults[code].retryable ? '\r\nRetry-After: 1' : ''}\r\nConnection: close\r\n\r\n${body}`);
    // Later, not now: a connection that is closed while bytes still arrive is reset, and the answer is lost.
    setTimeout(() => socket.destroy(), 1000).unref();
  }

  const listener = getRequestListener(fetch, {
    autoCleanupIncoming: false, // Node reads on by itself what no route has read.
    errorHandler: (error) => {
      const { status, body } = answer('bad_request', `The request cannot be read: ${error instanceof Error ? error.message : ''}`);
      return new Response(body, { status, headers: { 'content-type': 'application/json' } });
    },
  });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.get(incoming.socket);
    if (connection !== undefined) connection.latest = outgoing;
    if (stopping) outgoing.shouldKeepAlive = false;
    // HTTP/1.0 knows no Host.
    if (incoming.httpVersionMinor === 0) incoming.headers.host ??= 'localhost';
    void listener(incoming, outgoing);
  };
  const server = createServer(
    {
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      requestTimeout: limits.REQUEST_TIMEOUT_MS,
      keepAliveTimeout: limits.KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false, // Node's own 400 has no body; the listener refuses it with one.
    },
    handle,
  );
  server.maxConnections = limits.MAX_CONNECTIONS;
  server.on('connection', (socket) => connections.set(socket, { at: performance.now() }));
  server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { status, body } = answer('expectation_failed', 'Only "Expect: 100-continue" is known.', incoming.socket);
    outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  });
  server.on('connect', (_request, socket) => writeRaw(socket, 'method_not_allowed', 'This is no proxy.'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const [code, message] = faultOf(error);
    const outgoing = connections.get(socket)?.latest;
    const incoming = outgoing?.req;
    if (code === undefined || !socket.writable) socket.destroy();
    // Its route is reading the body: the route answers, with what it knows of the request.
    else if (incoming !== undefined && !incoming.complete && incoming.listenerCount('error') > 0)
      incoming.emit('error', new IngestError(code, message));
    // An answer is on its way, to an earlier request or to this one: another would be taken for it.
    else if (outgoing !== undefined && !outgoing.writableFinished) outgoing.once('finish', () => socket.end());
    else if (incoming?.complete === false) socket.destroy();
    else writeRaw(socket, code, message);
  });

  return {
    server,
    stop: () => {
      stopping = true;
      server.closeIdleConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
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
      return [code?.startsWith('HPE_') === true ? 'bad_request' : undefined, `This is no HTTP request that is understood (${code}).`];
  }
}
