import { pino, type DestinationStream } from 'pino';

/** Lines are written together, or after FLUSH_EVERY_MS, so that a request costs no system call for its line. */
const BATCH_CHARACTERS = 16_384;
const FLUSH_EVERY_MS = 200;

/**
 * A destination for pino that writes to stdout without blocking, and writes the rest when the process exits. It buffers
 * lines itself, because pino's own destination measures its whole buffer at each line.
 */
export function logLines(): DestinationStream {
  const destination = pino.destination({ sync: false });
  let held = '';
  function handOn(): void {
    if (held !== '') destination.write(held);
    held = '';
  }
  setInterval(handOn, FLUSH_EVERY_MS).unref();
  process.once('exit', () => {
    handOn();
    destination.flushSync();
  });
  return {
    write: (line) => {
      held += line;
      if (held.length >= BATCH_CHARACTERS) handOn();
    },
  };
}
