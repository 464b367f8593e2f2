import type { Readable } from 'node:stream';
import type { Budget, Slow } from './budget.ts';
import { IngestError } from './errors.ts';

/** The most pieces of a body, beside one for so many of its bytes. Each costs time, whatever its size. */
const MAX_PIECES = 4096;
const BYTES_PER_FURTHER_PIECE = 32;
const NOTHING: Uint8Array = new Uint8Array(0);

/** The sender closed the connection before the whole body had arrived, so nobody reads an answer. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/**
 * Reads the whole body. It stays in the budget until the caller gives it back. What counts is the memory that the arrived
 * bytes take, at most twice their size, so a slow sender holds almost nothing, whatever length it announced. While the
 * budget is full, slow bodies are refused.
 *
 * @param announced the length that the sender announced, if any
 * @throws IngestError payload_too_large, overloaded, or what the server emits on the source (timeout, bad chunk);
 *   SenderGone
 */
export function readBody(source: Readable, limit: number, budget: Budget, announced = limit): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let body = NOTHING;
    let length = 0;
    let pieces = 0;
    let settled = false;
    const fail = (error?: unknown) => {
      if (settled) return;
      settled = true;
      budget.release(slow);
      body = NOTHING; // The listeners live as long as the request, which may still take its time.
      reject(error instanceof IngestError ? error : new SenderGone('the connection was lost'));
    };
    const slow: Slow = {
      since: performance.now(),
      bytes: 0,
      giveWay: () => fail(new IngestError('overloaded', 'The body arrived too slowly while too many others waited. Try again.')),
    };
    function append(piece: Uint8Array): void {
      const needed = length + piece.length;
      if (needed > limit) throw new IngestError('payload_too_large', `The body is larger than ${limit} bytes.`);
      if ((pieces += 1) > MAX_PIECES + needed / BYTES_PER_FURTHER_PIECE)
        throw new IngestError('payload_too_large', `The body came in more than ${MAX_PIECES} pieces, most of them too small.`);
      // One buffer: a list of pieces of one byte each would take hundreds of times their size.
      if (length === 0) {
        budget.hold(slow, piece.length);
        body = piece;
      } else {
        if (needed > body.length) {
          const room = Math.min(2 * needed, Math.max(announced, needed), limit);
          budget.hold(slow, room - body.length);
          const grown = Buffer.allocUnsafe(room);
          grown.set(body.subarray(0, length));
          body = grown;
        }
        body.set(piece, length);
      }
      length = needed;
    }
    // All listeners stay: they go with the request, and an error that comes later must find one.
    source
      .on('data', (piece: Uint8Array) => {
        if (settled) return;
        try {
          append(piece);
        } catch (error) {
          fail(error);
        }
      })
      .on('end', () => {
        if (settled) return;
        settled = true;
        budget.release(slow, body.length - length);
        budget.keep(slow);
        resolve(body.subarray(0, length));
      })
      .on('error', fail)
      .on('close', () => fail()); // Also after every whole body, so it makes no error in advance.
  });
}
