import { InvalidArgumentError } from '@commander-js/extra-typings';

// The kinds of arguments that verbs take. Each parser throws InvalidArgumentError, which commander prints with the
// option's name and the value.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ZAP = /^([A-Za-z0-9_-]{1,64})\/([A-Za-z0-9_-]{1,64})$/;
const AGO = /^(\d{1,6})([smhd])$/;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment: `2026-11-24T10:00:00Z`, `2026-11-24`, or how long ago it was: `90s`, `30m`, `2h`, `7d`. */
export function moment(text: string): Date {
  const ago = AGO.exec(text);
  const date = ago === null ? new Date(text) : new Date(Date.now() - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  if (!Number.isNaN(date.getTime()) && (ago !== null || /^\d{4}-\d{2}-\d{2}/.test(text))) return date;
  throw new InvalidArgumentError('Expected a time such as 2026-11-24T10:00:00Z, or how long ago, such as 2h.');
}

export interface Zap {
  userId: string;
  zapId: string;
}

/** `userId/zapId` */
export function zap(text: string): Zap {
  const [, userId, zapId] = ZAP.exec(text) ?? [];
  if (userId === undefined || zapId === undefined) throw new InvalidArgumentError('Expected userId/zapId.');
  return { userId, zapId };
}

/** The id of a run, a UUID. */
export function runId(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('Expected the id of a run, a UUID.');
  return text.toLowerCase();
}

/** For an argument that may be repeated. */
export const runIds = (text: string, before: string[] | undefined): string[] => [...(before ?? []), runId(text)];

export function reason(text: string): string {
  if (text.length === 0 || text.length > 500) throw new InvalidArgumentError('Expected 1 to 500 characters.');
  return text;
}
