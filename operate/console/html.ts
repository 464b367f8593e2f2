import { html as tagged, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** Markup in which every value is escaped. */
export type Html = HtmlEscapedString;

/** Escapes each value that is not markup. No value is a promise, so the result is not one either. */
export const html = (strings: TemplateStringsArray, ...values: unknown[]): Html => tagged(strings, ...values) as Html;

export const nothing: Html = raw('');

/** C0 and C1 controls, and marks that change the direction of text. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi;
const SECRETS =
  /\b(authorization|proxy-authorization|cookie|set-cookie|[\w-]*(?:password|secret|signature|token)[\w-]*)(["']?\s*[=:]\s*["']?)(?!set\b|unset\b)[^\s"',}]+(?:\s+(?<=(?:Bearer|Basic)\s)[^\s"',}]+)?/gi;
const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/g;

/** Foreign text made safe to show: invisible characters are named, and possible secrets are removed. */
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

/** `2026-11-24 10:00:00.123 UTC` */
export const moment = (date: Date): string => date.toISOString().replace('T', ' ').replace('Z', ' UTC');

export const time = (date: Date): Html => html`<time datetime="${date.toISOString()}">${moment(date)}</time>`;
