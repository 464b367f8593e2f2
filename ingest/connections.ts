import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createBodyTurns, type Reading } from './body-turns.ts';
import type { Budget, Slow } from './budget.ts';
import type { Config } from './config.ts';
import { createTurns } from './turns.ts';

/** Most unanswered requests of one connection. No sender needs more than one. */
const MAX_UNANSWERED = 16;
/** Most requests, over all connections, that wait behind an earlier one of their connection. */
const MAX_PIPELINED = 1000;
/** How many waiting requests start in one turn of the event loop. */
const PIPELINED_PER_TURN = 2;
/** How long a closing connection is still read without a byte. With unread bytes it would be reset, and the answer lost. */
const LINGER_MS = 1000;
export const CHECK_EVERY_MS = 1000;

/** Why ingest closed a connection. */
export type Closed = 'made_room' | 'no_room' | 'unread_answers' | 'too_many_unanswered';

export interface Connection extends Reading {
  /** performance.now() when it was accepted. */
  readonly at: number;
  /** Unanswered requests. */
  unanswered: number;
  /** The answer to the latest request. */
  latest: ServerResponse | undefined;
  /** Whether further requests are refused. */
  closing: boolean;
  /** Deadline for closing it; performance.now(). */
  closeBy: number;
  /** Since when an answer waits to be read; performance.now(). */
  unreadSince: number | undefined;
  readonly unread: Slow;
}

export type ConnectionLimits = Pick<Config, 'MAX_CONNECTIONS' | 'ANSWER_TIMEOUT_MS' | 'REQUEST_TIMEOUT_MS'>;

const accepted = (socket: Socket, giveWay: () => void): Connection => ({
  socket,
  at: performance.now(),
  unanswered: 0,
  latest: undefined,
  closing: false,
  closeBy: Infinity,
  unreadSince: undefined,
  taken: 0,
  resting: false,
  unread: { since: 0, bytes: 0, giveWay },
});

/** The limits of every connection, and which one is closed when there is no room. */
export function createConnections(limits: ConnectionLimits, budget: Budget, closed: (why: Closed) => void) {
  const all = new Map<Duplex, Connection>();
  /** Connections without a request (new, idle, in the middle of a head), the oldest first. */
  const quiet = new Set<Connection>();
  const pipelined = createTurns(PIPELINED_PER_TURN);

  function drop(connection: Connection, why: Closed): void {
    closed(why);
    connection.socket.destroy();
    forget(connection);
  }

  function forget(connection: Connection): void {
    all.delete(connection.socket);
    quiet.delete(connection);
    budget.release(connection.unread);
  }

  /** Closes the connection whose loss matters least. */
  function makeRoom(): boolean {
    const [longest] = quiet;
    if (longest === undefined) return budget.evict();
    drop(longest, 'made_room');
    return true;
  }

  function check(): void {
    const now = performance.now();
    for (const connection of all.values()) {
      if (connection.socket.writableLength === 0) {
        connection.unreadSince = undefined;
        if (now > connection.closeBy) connection.socket.destroy();
      } else if (now - (connection.unreadSince ??= now) > limits.ANSWER_TIMEOUT_MS) drop(connection, 'unread_answers');
    }
  }

  /** Closes a connection in order: no further request is read, written bytes are sent, and the sender has a moment to read them. */
  function linger(connection: Connection): void {
    if (connection.closeBy !== Infinity) return;
    connection.closing = true;
    connection.closeBy = performance.now() + LINGER_MS;
    connection.socket.end();
    // The rest is dropped without being parsed: Node's parser would make an object of each chunk. It does not read
    // a socket that has another reader.
    const last = performance.now() + limits.REQUEST_TIMEOUT_MS;
    connection.socket.removeAllListeners('data').on('data', () => {
      connection.closeBy = Math.min(performance.now() + LINGER_MS, last);
    });
  }

  return {
    count: () => all.size,
    of: (socket: Duplex) => all.get(socket),

    accept(socket: Socket): void {
      if (all.size >= limits.MAX_CONNECTIONS && !makeRoom()) {
        closed('no_room');
        socket.destroy();
        return;
      }
      const connection = accepted(socket, () => drop(connection, 'unread_answers'));
      all.set(socket, connection);
      quiet.add(connection);
      socket.on('close', () => forget(connection));
      socket.on('error', () => undefined); // 'close' follows.
      // Node calls it after an answer that says "close".
      socket.destroySoon = () => linger(connection);
    },

    /** Whether the connection must not get a further request. */
    isFull(socket: Socket): boolean {
      const { closing = true, unanswered = 0 } = all.get(socket) ?? {};
      return closing || unanswered >= MAX_UNANSWERED || (unanswered > 0 && pipelined.waiting() >= MAX_PIPELINED);
    },

    /** A piece of a body has arrived. */
    took: createBodyTurns(),

    /** Runs `begin` at once, or in its turn behind an earlier request. */
    take(connection: Connection, outgoing: ServerResponse, begin: () => void): void {
      connection.latest = outgoing;
      connection.taken = 0;
      connection.unanswered += 1;
      outgoing.once('close', () => {
        connection.unanswered -= 1;
        connection.unreadSince = undefined;
        if (connection.unanswered === 0 && all.has(connection.socket)) quiet.add(connection);
      });
      quiet.delete(connection);
      if (connection.unanswered === 1) begin();
      else pipelined.push(() => connection.socket.destroyed || begin());
    },

    /** Counts an answer until all of it has been passed to the socket. */
    answered(connection: Connection, outgoing: ServerResponse): void {
      if (outgoing.writableFinished || connection.socket.destroyed) return;
      const bytes = outgoing.writableLength;
      if (connection.unread.bytes === 0) connection.unread.since = performance.now();
      outgoing.once('close', () => budget.release(connection.unread, Math.min(bytes, connection.unread.bytes)));
      try {
        budget.hold(connection.unread, bytes);
      } catch {
        drop(connection, 'unread_answers');
      }
    },

    linger,
    /** Ends connections past their deadline; called every CHECK_EVERY_MS. */
    check,
  };
}

export type Connections = ReturnType<typeof createConnections>;
