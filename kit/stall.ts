const EVERY_MS = 1000;

export interface Progress {
  /** Something was finished. */
  made: () => void;
  /** Seconds since then. */
  ago: () => number;
  stop: () => void;
}

/**
 * Watches over a loop from outside of it: what hangs in the loop cannot hold the watch. Told once, as who is told ends
 * the process.
 *
 * @param seconds longer than the loop's own timeouts, which are the first to end a wait
 */
export function watchProgress(seconds: number, stalled: (forSeconds: number) => void): Progress {
  let last = performance.now();
  const ago = () => (performance.now() - last) / 1000;
  const timer = setInterval(() => {
    if (ago() <= seconds) return;
    clearInterval(timer);
    stalled(Math.round(ago()));
  }, EVERY_MS);
  return { made: () => (last = performance.now()), ago, stop: () => clearInterval(timer) };
}
