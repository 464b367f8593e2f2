import { html as tagged, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** Markup in which every value was escaped. */
export type Html = HtmlEscapedString;

/** Escapes each value that is not markup itself. None here is a promise, so neither is the result. */
export const html = (strings: TemplateStringsArray, ...values: unknown[]): Html => tagged(strings, ...values) as Html;

export const nothing: Html = raw('');

/** C0 and C1 controls, and the marks that turn the direction of the text around them. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi;
const SECRETS =
  /\b(authorization|proxy-authorization|cookie|set-cookie|[\w-]*(?:password|secret|signature|token)[\w-]*)(["']?\s*[=:]\s*["']?)(?!set\b|unset\b)[^\s"',}]+(?:\s+(?<=(?:Bearer|Basic)\s)[^\s"',}]+)?/gi;
const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/g;

/** What others wrote, as it can be shown: what is invisible is named, what may be a secret is left out. */
export function shown(text: string): string {
  return withoutSecrets(text).replace(INVISIBLE, (mark) => `⟨U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

function withoutSecrets(text: string): string {
  return text
    .replace(CREDENTIALS, '$1•••@')
    .replace(/whsec_[\w+/=]+/g, 'whsec_•••')
    .replace(BEARER, '$1 •••')
    .replace(SECRETS, (_all, name: string, between: string) => `${name}${between}•••`);
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export const UNKNOWN = '–';

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return value < 10 ? tenths.format(value) : whole.format(value);
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (value === 0) return '0 s';
  if (value < 1) return `${whole.format(value * 1000)} ms`;
  if (value < 120) return `${tenths.format(value)} s`;
  return value < 7200 ? `${whole.format(value / 60)} min` : `${tenths.format(value / 3600)} h`;
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const size = value / 1024 ** power;
  return `${(size < 100 ? tenths : whole).format(size)} ${['B', 'KB', 'MB', 'GB'][power]}`;
}

/** `2026-11-24 10:00:00.123 UTC` */
export const moment = (date: Date): string => date.toISOString().replace('T', ' ').replace('Z', ' UTC');

export const time = (date: Date): Html => html`<time datetime="${date.toISOString()}">${moment(date)}</time>`;
