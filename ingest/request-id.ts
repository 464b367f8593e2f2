import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES = 16;
/** Random bytes for 256 ids at once: reading 4096 bytes costs the same as reading 16. */
const random = new Uint8Array(256 * BYTES);
let used = random.length;
let lastMs = 0;
let seq = 0;

/**
 * A UUID of version 7. It identifies the request, its run and its event. Ids of one millisecond sort in the order in which
 * they were made, so the runs of one body keep their order.
 */
export function newRequestId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += BYTES;
  const drawn = random.subarray(used - BYTES, used);
  const msecs = Date.now();
  // 31 of the 32 bits, to leave room for counting.
  if (msecs === lastMs) seq += 1;
  else seq = new DataView(drawn.buffer, drawn.byteOffset).getUint32(0) >>> 1;
  lastMs = msecs;
  return v7({ random: drawn, msecs, seq });
}
