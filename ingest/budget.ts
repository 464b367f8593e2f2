import { IngestError } from './errors.ts';

/** Bytes that are held for somebody who may take long: a body that still arrives, answers that are not read. */
export interface Slow {
  /** performance.now() at its beginning. */
  since: number;
  bytes: number;
  /** Ends what the bytes are held for. They are given back already when this is called. */
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

  /** For what is done with soon. @throws IngestError overloaded, having taken nothing */
  take(bytes: number): void {
    this.#makeRoom(bytes);
    this.held += bytes;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }

  /** For somebody slow, until `release` or `keep`. @throws IngestError overloaded, having taken nothing */
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

  /** Its bytes are there: they stay taken until they are given back, and no longer give way. */
  keep(slow: Slow): void {
    this.#slow.delete(slow);
  }

  /** Ends what cost most so far. @returns false when nothing gives way */
  evict(asking?: Slow): boolean {
    const now = performance.now();
    let costliest: Slow | undefined;
    let most = -1;
    // Bytes × time: a body that stopped short of its end costs more each moment, one that arrives in full never much.
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
