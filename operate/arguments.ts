import { InvalidArgumentError } from '@commander-js/extra-typings';
import { HOOK_ID, isRunId } from '../contract/ids.ts';
import { parseDuration } from '../kit/duration.ts';

// The kinds of arguments that verbs take. Each parser throws InvalidArgumentError, which commander prints with the
// option's name and the value.

/** A moment: `2026-11-24T10:00:00Z`, `2026-11-24`, or an age such as `90s`, `30m`, `2h`, `7d`. */
export function moment(text: string): Date {
  const ago = parseDuration(text);
  const isAge = !Number.isNaN(ago);
  const date = isAge ? new Date(Date.now() - ago) : new Date(text);
  if (!Number.isNaN(date.getTime()) && (isAge || /^\d{4}-\d{2}-\d{2}/.test(text))) return date;
  throw new InvalidArgumentError('Expected a time such as 2026-11-24T10:00:00Z, or how long ago, such as 2h.');
}

/** `90s`, `30m`, `2h`, `7d` @returns milliseconds */
export function duration(text: string): number {
  const parsed = parseDuration(text);
  if (Number.isNaN(parsed)) throw new InvalidArgumentError('Expected a duration such as 90s, 30m or 2h.');
  return parsed;
}

export interface Zap {
  userId: string;
  zapId: string;
}

/** `userId/zapId` */
export function zap(text: string): Zap {
  const [userId = '', zapId = '', ...more] = text.split('/');
  if (!HOOK_ID.test(userId) || !HOOK_ID.test(zapId) || more.length > 0) throw new InvalidArgumentError('Expected userId/zapId.');
  return { userId, zapId };
}

/** The id of a run, a UUID. */
export function runId(text: string): string {
  if (!isRunId(text)) throw new InvalidArgumentError('Expected the id of a run, a UUID.');
  return text.toLowerCase();
}

/** For an argument that may be repeated. */
export const runIds = (text: string, before: string[] | undefined): string[] => [...(before ?? []), runId(text)];

export function reason(text: string): string {
  if (text.length === 0 || text.length > 500) throw new InvalidArgumentError('Expected 1 to 500 characters.');
  return text;
}
