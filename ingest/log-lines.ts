import { pino, type DestinationStream } from 'pino';

/** Handed on together, or after FLUSH_EVERY_MS: a request costs no system call for its line. */
const BATCH_CHARACTERS = 16_384;
const FLUSH_EVERY_MS = 200;

/**
 * A destination for pino that writes to stdout without blocking, and what is left when the process exits. Lines are
 * gathered here, as pino's own destination measures all that it holds anew at each line.
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
