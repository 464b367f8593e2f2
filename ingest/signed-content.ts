import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { withoutMark } from './decode/charset.ts';
import { findJsonFault } from './decode/json-text.ts';
import { valueAt } from './decode/json-walk.ts';
import type { RequestHeaders } from './webhook.ts';

// The signed content, as a text with placeholders: `v0:{timestamp}:{body}`.

/** A request as it arrived: its body is not parsed. */
export interface HookRequest {
  method: string;
  /** What stands behind the ? of the request line. */
  query: string;
  headers: RequestHeaders;
  body: Uint8Array;
}

/**
 * Behind the colon: the path of a JSON value (`payload.token`, `0.id`; with json?: it may be absent), the name of a field,
 * or names for json-lines, which puts each on a line and its value on the next.
 */
const PLACEHOLDER = /\{((?:json\??|field|query|header|json-lines):[^{}]+|[a-z0-9-]+)\}/g;

/** Values whose end is known without what follows them. */
export const forms = {
  uuid: /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
  seconds: /^\d{10}$/,
  milliseconds: /^\d{13}$/,
  iso: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/,
} as const;
export type Form = keyof typeof forms;

/** Literals at the even places, placeholders between them. */
export const partsOf = (template: string): string[] => template.split(PLACEHOLDER);
export const placeholdersOf = (template: string): string[] => partsOf(template).filter((_part, at) => at % 2 === 1);

/** Placeholders that stand for what the body says. */
export const isOfBody = (name: string) => /^(body|form|crc32|json-lines:.*)$/.test(name);

/**
 * Why one signed text could be read as two requests; undefined when it cannot. Whatever has no fixed form needs a text
 * behind it that its value does not contain, but the last one, behind which only fixed forms may come.
 */
export function whyAmbiguous(template: string, isFixed: (name: string) => boolean): string | undefined {
  const parts = partsOf(template);
  const open = [...parts.keys()].filter((at) => at % 2 === 1 && !isFixed(parts[at] ?? ''));
  for (const at of open.slice(0, -1)) {
    if (isOfBody(parts[at] ?? '')) return `{${parts[at]}} has to be the last: what follows it could be part of it`;
    if (parts[at + 1] === '') return 'two placeholders need a text between them, or a fixed form: otherwise it is ambiguous where one ends';
  }
  return undefined;
}

/** The request lacks a value of the template. For the log. */
export class MissingError extends Error {}

/** Reads single values of a request. A repeated value counts as missing. */
export function createReader({ method, query, headers, body }: HookRequest, url = '') {
  let json: { text: string | undefined } | undefined;
  let fields: URLSearchParams | undefined;
  const text = () => Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  const readFields = () => {
    if (fields !== undefined) return fields;
    const form = text();
    if (form.length - form.replaceAll('&', '').length > 1000) throw new MissingError('too many form fields');
    return (fields = new URLSearchParams(form));
  };
  // The sender is not authenticated yet: reading must cost no more than a pass over the bytes, so no objects are built.
  const readJson = (path: string): unknown => {
    json ??= { text: jsonOf(body) };
    const found = json.text === undefined ? undefined : valueAt(json.text, path.split('.'));
    if (found === undefined) return undefined;
    return /^[[{]/.test(found) ? {} : (JSON.parse(found) as unknown);
  };
  const single = (name: string, found: string[]) => {
    if (found.length !== 1 || found[0] === undefined || found[0] === '') throw new MissingError(`${name} is missing, or there twice`);
    return found[0];
  };
  /** @throws MissingError */
  function read(name: string): string {
    const [, kind = '', rest = ''] = /^(json\??|field|query|header):(.+)$/s.exec(name) ?? [];
    if (kind === 'field') return single(name, readFields().getAll(rest));
    if (kind === 'query') return single(name, new URLSearchParams(query).getAll(rest));
    if (kind.startsWith('json')) {
      const value = readJson(rest);
      if (kind === 'json?' && (value === undefined || value === '')) return '';
      return single(name, ['string', 'number', 'boolean'].includes(typeof value) ? [String(value)] : []);
    }
    return single(name, [[headers[rest === '' ? name : rest]].flat().join(', ')]);
  }
  /** The bytes that a placeholder stands for. @throws MissingError */
  function bytesOf(name: string): Buffer {
    if (name === 'body') return Buffer.from(body.buffer, body.byteOffset, body.length);
    if (name === 'crc32') return Buffer.from(String(crc32(body)));
    if (name === 'method') return Buffer.from(method);
    if (name === 'form') return Buffer.from(sortedFields(readFields()));
    if (name === 'url') {
      const [, wanted = ''] = url.split(/\?(.*)/s);
      // It must contain nothing that the sender chose, which could reach into what follows.
      if (wanted !== query) throw new MissingError('the query is not that of the signed url');
      return Buffer.from(url);
    }
    const lines = /^json-lines:(.+)$/.exec(name)?.[1];
    if (lines !== undefined) {
      const present = lines.split(',').filter((key) => readJson(key) !== undefined);
      return Buffer.from(present.map((key) => `${key}\n${read(`json:${key}`)}\n`).join(''));
    }
    // Headers as the bytes that arrived: Node reads them as Latin-1.
    return Buffer.from(read(name), /^(json\??|field|query):/.test(name) ? 'utf8' : 'latin1');
  }
  return { read, bytesOf, readJson };
}
export type Reader = ReturnType<typeof createReader>;

function jsonOf(body: Uint8Array): string | undefined {
  const bytes = withoutMark(Buffer.from(body.buffer, body.byteOffset, body.length));
  return findJsonFault(bytes) === undefined ? bytes.toString() : undefined;
}

/** Key and value of each field, in the order of their keys. */
function sortedFields(fields: URLSearchParams): string {
  return [...new Set(fields.keys())]
    .sort()
    .map((key) =>
      [...new Set(fields.getAll(key))]
        .sort()
        .map((value) => `${key}${value}`)
        .join(''),
    )
    .join('');
}

/** What stands for the signed content where a key is wanted: 50 visible characters. */
export const digestOf = (content: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const part of content) hash.update(part);
  return `signed:${hash.digest('base64url')}`;
};
