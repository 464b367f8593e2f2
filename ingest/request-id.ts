import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES = 16;
/** Drawn for 256 ids at once: a draw costs the same for 16 bytes as for 4096. */
const random = new Uint8Array(256 * BYTES);
let used = random.length;

/** A UUID of version 7: it names the request, and the run and the event that come of it. */
export function newRequestId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += BYTES;
  return v7({ random: random.subarray(used - BYTES, used) });
}
