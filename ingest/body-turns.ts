import type { Socket } from 'node:net';
import { createTurns } from './turns.ts';

/**
 * What is read of one body before other connections get a turn; left alone, Node reads up to 2 MB of one at once. A piece
 * costs time as BYTES_PER_PIECE do, however small it is.
 */
const BYTES_PER_READ = 65_536;
const BYTES_PER_PIECE = 256;
/** How many connections are read on in one turn of the event loop. */
const READ_PER_TURN = 2;

/** A connection whose bodies are read in turns. */
export interface Reading {
  readonly socket: Socket;
  /** What was read of bodies since its last turn, as bytes. */
  taken: number;
  /** It is not read until its next turn. */
  resting: boolean;
}

/** @returns a function to call for each piece of a body; it stops the reading of a connection that has had its share */
export function createBodyTurns(): (connection: Reading, bytes: number) => void {
  const turns = createTurns(READ_PER_TURN);
  return (connection, bytes) => {
    connection.taken += bytes + BYTES_PER_PIECE;
    if (connection.taken < BYTES_PER_READ || connection.resting) return;
    const { socket } = connection;
    connection.resting = true;
    connection.taken = 0;
    socket.pause();
    turns.push(() => {
      connection.resting = false;
      if (!socket.destroyed) socket.resume();
    });
  };
}
