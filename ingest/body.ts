import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { IngestError } from './errors.ts';

/** Bytes of bodies and events that are held in memory at this moment, over all requests. */
export class Budget {
  held = 0;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** @throws IngestError overloaded, having taken nothing */
  take(bytes: number): void {
    if (this.held + bytes > this.limit) throw new IngestError('overloaded', 'Too many bytes are waiting. Try again.');
    this.held += bytes;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}

/** The sender closed the connection before the whole body had arrived: nobody is there to be answered. */
export class SenderGone extends Error {
  override readonly name = 'SenderGone';
}

/**
 * The whole body. What it returns stays in the budget until the caller gives it back. Only bytes that arrived count:
 * a slow sender holds next to nothing, whatever length it announced.
 *
 * @throws IngestError payload_too_large, overloaded, or what the server emits on the source (timeout, bad chunk);
 *   SenderGone
 */
export function readBody(source: Readable, limit: number, budget: Budget): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    let settled = false;
    // All listeners stay: they go with the request, and an error that comes later must find one.
    source
      .on('data', (chunk: Uint8Array) => {
        if (settled) return;
        try {
          if (length + chunk.length > limit) throw new IngestError('payload_too_large', `The body is larger than ${limit} bytes.`);
          budget.take(chunk.length);
          length += chunk.length;
          chunks.push(chunk);
        } catch (error) {
          source.emit('error', error);
        }
      })
      .on('end', () => {
        settled = true;
        resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
      })
      .on('error', (error: unknown) => {
        if (settled) return;
        settled = true;
        budget.give(length);
        reject(error instanceof IngestError ? error : new SenderGone('the connection was lost'));
      })
      .on('close', () => settled || source.emit('error', new SenderGone('the connection was closed')));
  });
}

/** Reads on and throws away, so that closing the connection does not reset it before the sender has read the answer. */
export async function discard(source: Readable): Promise<void> {
  source.resume();
  if (source.readableEnded || source.destroyed) return;
  await Promise.race([once(source, 'end'), once(source, 'close')]).catch(() => undefined);
}
