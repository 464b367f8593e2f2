// Decides what follows an attempt: nothing more, another attempt, or a dead delivery.

/** How an attempt ended. Without a status no answer came, and `error` says why. */
export interface Ended {
  status?: number;
  retryAfter?: string | undefined;
  error?: string;
}

export type NextState =
  | { state: 'delivered' }
  /** @property delayMs from now */
  | { state: 'pending'; delayMs: number }
  /** @property disables whether the target asked for no further requests */
  | { state: 'dead'; disables: boolean };

export interface Policy {
  /** The waits before the second, third, … attempt. After the last of them a delivery is dead. */
  scheduleMs: readonly number[];
  /** The meaning of a 4xx that is neither a timeout nor too many requests. */
  on4xx: 'retry' | 'dead';
}

/** Spread of a wait, so that calls that failed together are not retried together. */
const JITTER = 0.1;
/** The longest delay that a target can request. */
const RETRY_AFTER_MOST_MS = 86_400_000;
/** 408 request timeout, 425 too early, 429 too many requests: about the moment, not about the request. */
const PASSING_4XX = [408, 425, 429];

/**
 * @param attempts made before this one
 * @param random from 0 to 1
 */
export function nextState(
  ended: Ended,
  attempts: number,
  { scheduleMs, on4xx }: Policy,
  now = new Date(),
  random = Math.random(),
): NextState {
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

/** Seconds, possibly with a fraction, or an HTTP date; 0 when it is missing or invalid. */
function retryAfterMs(header = '', now: Date): number {
  const text = header.trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text)) * 1000 : httpDate(text, now) - now.getTime();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), RETRY_AFTER_MOST_MS);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** RFC 9110 §5.6.7: IMF-fixdate, RFC 850 and asctime. Always UTC, whatever the zone of this machine. */
const DATES = [
  /^\w+, (?<day>\d\d) (?<month>\w{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) (?:GMT|UTC)$/i,
  /^\w+, (?<day>\d\d)-(?<month>\w{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) (?:GMT|UTC)$/i,
  /^\w+ (?<month>\w{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
];

/** @returns milliseconds since 1970, NaN for anything else than an HTTP date */
function httpDate(text: string, now: Date): number {
  const parts = DATES.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return NaN;
  const { day = '', month = '', year = '', time = '' } = parts;
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  const at = (full: number) => {
    const ms = Date.UTC(full, MONTHS.indexOf(month.toLowerCase()), Number(day), hours, minutes, seconds);
    // The 31st of February is not the 3rd of March.
    return new Date(ms).getUTCDate() === Number(day) ? ms : NaN;
  };
  if (!MONTHS.includes(month.toLowerCase()) || hours > 23 || minutes > 59 || seconds > 60) return NaN;
  if (year.length === 4) return at(Number(year));
  // A year of two digits that seems to be more than 50 years ahead is in the past.
  const full = Math.floor(now.getUTCFullYear() / 100) * 100 + Number(year);
  return at(full > now.getUTCFullYear() + 50 ? full - 100 : full);
}
