import { IngestError } from './errors.ts';

/** Bytes held for a slow party: a body that still arrives, answers that are not read. */
export interface Slow {
  /** performance.now() at its beginning. */
  since: number;
  bytes: number;
  /** Ends the work that holds the bytes, which are given back before this is called. */
  giveWay: () => void;
}

/** Bytes of bodies, events and unread answers that are held in memory at this moment, over all connections. */
export class Budget {
  held = 0;
  readonly limit: number;
  readonly #slow = new Set<Slow>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes bytes for a short time. @throws IngestError overloaded, having taken nothing */
  take(bytes: number): void {
    this.#makeRoom(bytes);
    this.held += bytes;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }

  /** Takes bytes for a slow party, until `release` or `keep`. @throws IngestError overloaded, having taken nothing */
  hold(slow: Slow, bytes: number): void {
    this.#makeRoom(bytes, slow);
    this.held += bytes;
    slow.bytes += bytes;
    this.#slow.add(slow);
  }

  release(slow: Slow, bytes = slow.bytes): void {
    this.held -= bytes;
    slow.bytes -= bytes;
    if (slow.bytes === 0) this.#slow.delete(slow);
  }

  /** All bytes have arrived: they stay taken until they are given back, and are not evicted any more. */
  keep(slow: Slow): void {
    this.#slow.delete(slow);
  }

  /** Ends the most expensive slow work. @returns false when there is none to end */
  evict(asking?: Slow): boolean {
    const now = performance.now();
    let costliest: Slow | undefined;
    let most = -1;
    // Bytes × time: an unfinished body costs more each moment, and one that arrives quickly never costs much.
    for (const slow of this.#slow) {
      const cost = slow.bytes * (now - slow.since);
      if (cost > most) [costliest, most] = [slow, cost];
    }
    if (costliest === undefined || costliest === asking) return false;
    this.release(costliest);
    costliest.giveWay();
    return true;
  }

  #makeRoom(bytes: number, asking?: Slow): void {
    while (this.held + bytes > this.limit) {
      if (bytes > this.limit || !this.evict(asking)) throw new IngestError('overloaded', 'Too many bytes are waiting. Try again.');
    }
  }
}
