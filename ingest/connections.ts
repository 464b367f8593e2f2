import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Budget, Slow } from './budget.ts';
import type { Config } from './config.ts';
import { createTurns } from './turns.ts';

/** Requests of one connection without a whole answer; no sender needs more than one. */
const MAX_UNANSWERED = 16;
/** Requests of all connections that wait behind an earlier one of the same connection. */
const MAX_PIPELINED = 1000;
/** How many of those begin in one turn of the event loop. */
const PIPELINED_PER_TURN = 16;
/** How long a connection that is being closed is still read: with bytes unread it would be reset, the answer lost. */
const LINGER_MS = 1000;
export const CHECK_EVERY_MS = 1000;

/** Why a connection was closed before its sender wanted it. */
export type Closed = 'made_room' | 'no_room' | 'unread_answers' | 'too_many_unanswered';

export interface Connection {
  readonly socket: Socket;
  /** performance.now() when it was accepted. */
  readonly at: number;
  /** Requests without a whole answer. */
  unanswered: number;
  /** The answer to the latest request. */
  latest: ServerResponse | undefined;
  /** No further request of it is taken. */
  closing: boolean;
  /** When it is closed at the latest; performance.now(). */
  closeBy: number;
  /** Since when an answer waits to be read; performance.now(). */
  unreadSince: number | undefined;
  readonly unread: Slow;
}

export type ConnectionLimits = Pick<Config, 'MAX_CONNECTIONS' | 'ANSWER_TIMEOUT_MS'>;

const accepted = (socket: Socket, giveWay: () => void): Connection => ({
  socket,
  at: performance.now(),
  unanswered: 0,
  latest: undefined,
  closing: false,
  closeBy: Infinity,
  unreadSince: undefined,
  unread: { since: 0, bytes: 0, giveWay },
});

/** What every connection may cost, and who has to go when there is no room. */
export function createConnections(limits: ConnectionLimits, budget: Budget, closed: (why: Closed) => void) {
  const all = new Map<Duplex, Connection>();
  /** Those with nothing to answer (new, idle, in the middle of a head), the longest first. */
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

  /** Closes the connection that is missed least. */
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

  /** Nothing more is taken, what is written goes out, and the sender has a moment to read it. */
  function linger(connection: Connection): void {
    if (connection.closeBy !== Infinity) return;
    connection.closing = true;
    connection.closeBy = performance.now() + LINGER_MS;
    connection.socket.end();
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

    /** Whether no further request may be taken from it. */
    isFull(socket: Socket): boolean {
      const { closing = true, unanswered = 0 } = all.get(socket) ?? {};
      return closing || unanswered >= MAX_UNANSWERED || (unanswered > 0 && pipelined.waiting() >= MAX_PIPELINED);
    },

    /** Runs `begin` at once, or in its turn behind an earlier request. */
    take(connection: Connection, outgoing: ServerResponse, begin: () => void): void {
      connection.latest = outgoing;
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

    /** Its answer is made: until all of it was handed on it counts. */
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
    /** Ends connections whose time is over; to be called every CHECK_EVERY_MS. */
    check,
  };
}

export type Connections = ReturnType<typeof createConnections>;
