import { isUtf8 } from 'node:buffer';
import { parseMultipart } from '@remix-run/multipart-parser';
import { IngestError } from './errors.ts';

// From the bytes that arrived to the JSON text that is stored. JSON keeps its exact text; forms have none of their own.

/** @throws IngestError invalid_json, invalid_form or unsupported_media_type */
export type ParseBody = (body: Uint8Array) => string;

const MAX_DEPTH = 128;
const JSON_TYPE = /^application\/(?:json|[a-z0-9.+_-]+\+json)$/;

/**
 * How a body of this type becomes metadata.
 *
 * @throws IngestError unsupported_media_type for another type, a charset other than UTF-8, and an encoded body
 */
export function parserFor(contentType: string | undefined, contentEncoding: string | undefined): ParseBody {
  if (contentEncoding !== undefined && !['', 'identity'].includes(contentEncoding.trim().toLowerCase())) {
    throw new IngestError('unsupported_media_type', `Content-Encoding "${contentEncoding}" is not taken: send the body uncompressed.`);
  }
  if (contentType === undefined || contentType === '' || contentType === 'application/json') return parseJson;
  const { type, charset, boundary } = parseContentType(contentType);
  requireUtf8(charset);
  if (JSON_TYPE.test(type)) return parseJson;
  if (type === 'application/x-www-form-urlencoded') return parseForm;
  if (type === 'multipart/form-data') return (body) => parseParts(body, boundary);
  throw new IngestError('unsupported_media_type', `Content-Type "${type}" is not taken: send JSON or a form.`);
}

/** The type in lower case, and the parameters that matter. A quoted boundary may hold a semicolon; nothing else may. */
function parseContentType(value: string): { type: string; charset: string | undefined; boundary: string | undefined } {
  const [type = ''] = value.split(';');
  const parameter = (name: string) => {
    const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]*))`, 'i').exec(value);
    return match?.[1] ?? match?.[2];
  };
  return { type: type.trim().toLowerCase(), charset: parameter('charset'), boundary: parameter('boundary') };
}

function requireUtf8(charset: string | undefined): void {
  if (charset === undefined || /^utf-?8$/i.test(charset)) return;
  throw new IngestError('unsupported_media_type', `The charset ${charset} is not taken: send UTF-8.`);
}

/** The body as text, checked to be JSON of at most 128 levels and otherwise untouched; `null` for an empty one. */
export function parseJson(body: Uint8Array): string {
  if (body.length === 0) return 'null';
  if (!isUtf8(body)) throw new IngestError('invalid_json', 'The body is not valid UTF-8.');
  if (isDeeperThan(body, MAX_DEPTH)) throw new IngestError('invalid_json', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  // A byte order mark stays in the text, where JSON.parse refuses it.
  const text = textOf(body);
  try {
    JSON.parse(text);
  } catch (error) {
    throw new IngestError('invalid_json', `The body is not valid JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  return text;
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/** Nesting of brackets outside strings. On bytes and without recursion: the text may be five million `[`. */
function isDeeperThan(body: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === 0x5c)
        at += 1; // Backslash: whatever follows is no quote that ends the string.
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}

/**
 * `application/x-www-form-urlencoded`, also a GET's query, as a JSON object of strings. As browsers do, a `%` that
 * begins no escape stands for itself; bytes that are not UTF-8 are refused, never replaced.
 */
export function parseForm(body: Uint8Array): string {
  if (body.length === 0) return 'null';
  const fields = new Fields();
  for (const pair of Buffer.from(body).toString('latin1').split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    fields.add(decode(equals < 0 ? pair : pair.slice(0, equals)), equals < 0 ? '' : decode(pair.slice(equals + 1)));
  }
  return fields.toJson();
}

/** From text with a character per byte. */
function decode(text: string): string {
  const bytes = text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return utf8Field(Buffer.from(bytes, 'latin1'));
}

function utf8Field(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new IngestError('invalid_form', 'The form is not valid UTF-8.');
  return textOf(bytes);
}

/** The fields of `multipart/form-data`. Files are refused: an event holds text. */
function parseParts(body: Uint8Array, boundary: string | undefined): string {
  if (body.length === 0) return 'null';
  if (boundary === undefined || boundary === '') throw new IngestError('invalid_form', 'The content type names no boundary.');
  const fields = new Fields();
  try {
    // The body is bounded already; a limit of the parser's own would only be a second, smaller one.
    for (const part of parseMultipart(body, { boundary, maxParts: Infinity, maxFileSize: Infinity, maxTotalSize: Infinity })) {
      if (part.isFile) throw new IngestError('unsupported_media_type', 'A file was sent: only text fields are taken.');
      requireUtf8(parseContentType(part.headers['content-type'] ?? '').charset);
      if (part.name === undefined) throw new IngestError('invalid_form', 'A part of the form has no name.');
      fields.add(part.name, utf8Field(part.bytes));
    }
  } catch (error) {
    throw error instanceof IngestError ? error : new IngestError('invalid_form', 'The body is not valid multipart/form-data.', error);
  }
  return fields.toJson();
}

/** Collects fields in their order. The text is put together by hand: an object would lose `__proto__` and sort numbers. */
class Fields {
  readonly #values = new Map<string, string[]>();

  add(name: string, value: string): void {
    const known = this.#values.get(name);
    if (known === undefined) this.#values.set(name, [value]);
    else known.push(value);
  }

  toJson(): string {
    const entries = [...this.#values].map(
      ([name, values]) => `${JSON.stringify(name)}:${JSON.stringify(values.length > 1 ? values : values[0])}`,
    );
    return `{${entries.join(',')}}`;
  }
}
