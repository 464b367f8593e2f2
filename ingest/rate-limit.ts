import type { RateLimit } from './catch-hook.ts';
import type { Config } from './config.ts';
import { IngestError } from './errors.ts';
import type { Hook } from './webhook.ts';

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
export function createRateLimit(
  limits: Pick<Config, 'RATE_LIMIT_PER_ZAP' | 'RATE_LIMIT_TOTAL' | 'RATE_LIMIT_BURST_SECONDS'>,
  now = () => performance.now(),
): RateLimit {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  const bucket = (name: string, rate: number) => ({
    name,
    each: 1000 / rate,
    depth: Math.max(limits.RATE_LIMIT_BURST_SECONDS * 1000, 1000 / rate),
  });
  const total = limits.RATE_LIMIT_TOTAL > 0 ? [bucket('', limits.RATE_LIMIT_TOTAL)] : [];
  const bucketsOf = ({ userId, zapId }: Hook) =>
    limits.RATE_LIMIT_PER_ZAP > 0 ? [...total, bucket(`${userId}/${zapId}`, limits.RATE_LIMIT_PER_ZAP)] : total;
  const fullAt = (name: string) => young.get(name) ?? old.get(name) ?? now();

  function put(name: string, time: number): void {
    young.set(name, time);
    // Not the oldest one by one: a Map takes longer for its first key the more of its first ones were deleted.
    if (young.size >= GENERATION) [young, old] = [new Map<string, number>(), young];
  }

  return {
    take: (hook) => {
      const at = now();
      const next = bucketsOf(hook).map(({ name, each, depth }) => ({ name, depth, time: Math.max(fullAt(name), at) + each }));
      const waitMs = Math.max(0, ...next.map(({ time, depth }) => time - at - depth));
      // A sum of fractions may be a hair more than the depth.
      if (waitMs > 1e-3) {
        throw new IngestError('rate_limited', 'Too many webhooks. Send it again later.', undefined, Math.ceil(waitMs / 1000));
      }
      // From both buckets or from none: what one refuses costs nothing in the other.
      for (const { name, time } of next) put(name, time);
    },
    giveBack: (hook) => {
      for (const { name, each } of bucketsOf(hook)) put(name, fullAt(name) - each);
    },
  };
}
