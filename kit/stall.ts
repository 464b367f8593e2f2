const EVERY_MS = 1000;

export interface Progress {
  /** Reports that something was finished. */
  made: () => void;
  /** Seconds since the last report. */
  ago: () => number;
  stop: () => void;
}

/**
 * Watches a loop from outside, so that a hanging call in the loop cannot stop the watch. Calls back once, because the
 * callback ends the process.
 *
 * @param seconds longer than the loop's own timeouts, which should end a wait first
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
