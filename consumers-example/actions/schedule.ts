// What follows from an attempt: nothing more, another one at some time, or a dead letter.

/** How an attempt ended. Without a status no answer came, and `error` says why. */
export interface Ended {
  status?: number;
  retryAfter?: string | undefined;
  error?: string;
}

export type Verdict =
  | { state: 'delivered' }
  /** @property delayMs from now */
  | { state: 'pending'; delayMs: number }
  /** @property disables the target said that it wants no more requests at all */
  | { state: 'dead'; disables: boolean };

export interface Policy {
  /** The waits before the second, third, … attempt. After the last of them an event is a dead letter. */
  scheduleMs: readonly number[];
  /** What a 4xx means that is neither a timeout nor too many requests. */
  on4xx: 'retry' | 'dead';
}

/** Spread of a wait, so that what failed together does not come back together. */
const JITTER = 0.1;
/** A target cannot put us off for longer. */
const RETRY_AFTER_MOST_MS = 86_400_000;
/** 408 request timeout, 425 too early, 429 too many requests: about the moment, not about the request. */
const PASSING_4XX = [408, 425, 429];

/**
 * @param attempts made before this one
 * @param random from 0 to 1
 */
export function judge(ended: Ended, attempts: number, { scheduleMs, on4xx }: Policy, now = new Date(), random = Math.random()): Verdict {
  const { status = 0 } = ended;
  if (status >= 200 && status < 300) return { state: 'delivered' };
  if (status === 410) return { state: 'dead', disables: true };
  if (on4xx === 'dead' && status >= 400 && status < 500 && !PASSING_4XX.includes(status)) return { state: 'dead', disables: false };
  const wait = scheduleMs[attempts];
  if (wait === undefined) return { state: 'dead', disables: false };
  const jittered = wait * (1 + JITTER * (2 * random - 1));
  // Spread to later only: the target said "not before".
  const asked = retryAfterMs(ended.retryAfter, now) * (1 + JITTER * random);
  return { state: 'pending', delayMs: Math.round(Math.max(jittered, asked)) };
}

/** Seconds or an HTTP date; 0 when there is none or it makes no sense. */
function retryAfterMs(header: string | undefined, now: Date): number {
  if (header === undefined) return 0;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), RETRY_AFTER_MOST_MS);
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `5s` → 5000. @throws for anything else than a number and ms, s, m or h */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`"${text}" is no duration such as 500ms, 5s, 30m or 2h`);
  return Number(number) * (UNITS[unit] ?? NaN);
}
