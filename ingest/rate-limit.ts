import type { Config } from './config.ts';
import { IngestError } from './errors.ts';
import type { Recorder } from './record-event.ts';
import type { Hook } from './webhook.ts';

/** How many requests may come. */
export interface RateLimit {
  /** Counts one. @throws IngestError rate_limited, with the cause for the log */
  take(hook: Hook, cause?: Error): void;
  /** Undoes the count of a request that only repeated a known key. */
  giveBack(hook: Hook): void;
}

/**
 * Zaps per generation. Two generations are kept, at about 100 bytes per zap. A forgotten zap starts with a full bucket, which
 * had filled by then anyway.
 */
const GENERATION = 50_000;

type Limits = Pick<Config, 'RATE_LIMIT_PER_ZAP' | 'RATE_LIMIT_TOTAL' | 'RATE_LIMIT_BURST_SECONDS'>;

/**
 * Token buckets, each kept as one number: the time at which it will be full (the generic cell rate algorithm).
 *
 * @param limits requests per second, 0 for no limit, and how many seconds' worth may arrive at once
 * @param what the counted things, for the message to the sender
 * @param now milliseconds of a monotonic clock
 */
export function createRateLimit(limits: Limits, what = 'webhooks', now = () => performance.now()): RateLimit {
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
    // A whole generation at once: a Map finds its first key more slowly after many deletions of first keys.
    if (young.size >= GENERATION) [young, old] = [new Map<string, number>(), young];
  }

  return {
    take: (hook, cause) => {
      const at = now();
      const next = bucketsOf(hook).map(({ name, each, depth }) => ({ name, depth, time: Math.max(fullAt(name), at) + each }));
      const waitMs = Math.max(0, ...next.map(({ time, depth }) => time - at - depth));
      // Allow for floating-point error.
      if (waitMs > 1e-3) {
        throw new IngestError('rate_limited', `Too many ${what}. Send it again later.`, cause, Math.ceil(waitMs / 1000));
      }
      // From both buckets or from none, so that a request refused by one costs nothing in the other.
      for (const { name, time } of next) put(name, time);
    },
    giveBack: (hook) => {
      for (const { name, each } of bucketsOf(hook)) put(name, fullAt(name) - each);
    },
  };
}

/**
 * Records events within the limits. Repeats do not count, and are answered even when new events are refused.
 *
 * @throws IngestError rate_limited, and what the recorder throws
 */
export function limitRate({ record, findRepeat }: Pick<Recorder, 'record' | 'findRepeat'>, limits: Limits): Recorder['record'] {
  if (limits.RATE_LIMIT_PER_ZAP === 0 && limits.RATE_LIMIT_TOTAL === 0) return record;
  const rateLimit = createRateLimit(limits);
  return async (event) => {
    try {
      rateLimit.take(event);
    } catch (refused) {
      const first = event.idempotencyKey === null ? undefined : await findRepeat(event);
      if (first === undefined) throw refused;
      return first;
    }
    const recorded = await record(event);
    if (recorded.repeated) rateLimit.giveBack(event);
    return recorded;
  };
}
