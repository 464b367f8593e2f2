export interface RateLimit {
  /** Takes a place for one request to a zap. @returns 0, or the seconds after which there is one again */
  take(zap: string): number;
  /** Gives back what `take` gave: the request turned out to be a repeat. */
  giveBack(zap: string): void;
}

/**
 * Zaps in a generation; two are remembered, about 100 bytes a zap. Who is forgotten begins anew with a full bucket, but
 * by then so many others were posted to that it had filled by itself.
 */
const GENERATION = 50_000;

/**
 * Token buckets, each kept as one number: the time at which it will be full (the generic cell rate algorithm).
 *
 * @param limits requests per second, 0 for no limit, and how many seconds' worth may come at once
 * @param now milliseconds of a clock that never goes back
 */
export function createRateLimit(limits: { perZap: number; total: number; burstSeconds: number }, now = () => performance.now()): RateLimit {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  const bucket = (name: string, rate: number) => ({ name, each: 1000 / rate, depth: Math.max(limits.burstSeconds * 1000, 1000 / rate) });
  const total = limits.total > 0 ? [bucket('', limits.total)] : [];
  const bucketsOf = (zap: string) => (limits.perZap > 0 ? [...total, bucket(zap, limits.perZap)] : total);
  const fullAt = (name: string) => young.get(name) ?? old.get(name) ?? now();

  function put(name: string, time: number): void {
    young.set(name, time);
    // Not the oldest one by one: a Map takes longer for its first key the more of its first ones were deleted.
    if (young.size >= GENERATION) [young, old] = [new Map<string, number>(), young];
  }

  return {
    take: (zap) => {
      const at = now();
      const next = bucketsOf(zap).map(({ name, each, depth }) => ({ name, depth, time: Math.max(fullAt(name), at) + each }));
      const waitMs = Math.max(0, ...next.map(({ time, depth }) => time - at - depth));
      // A sum of fractions may be a hair more than the depth.
      if (waitMs > 1e-3) return Math.ceil(waitMs / 1000);
      // From both buckets or from none: what one refuses costs nothing in the other.
      for (const { name, time } of next) put(name, time);
      return 0;
    },
    giveBack: (zap) => {
      for (const { name, each } of bucketsOf(zap)) put(name, fullAt(name) - each);
    },
  };
}
