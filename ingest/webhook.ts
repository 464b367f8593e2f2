import { z } from 'zod';
import { IngestError } from './errors.ts';

/** What a sender posted, judged and unchanged. */
export interface Webhook {
  userId: string;
  zapId: string;
  /** Exactly the JSON text that arrived; `null` for an empty body. */
  metadata: string;
  /** The kept request headers, names in lower case. */
  headers: Record<string, string>;
  /** W3C trace context, when the sender gave a valid one. */
  traceparent: string | null;
}

const MAX_DEPTH = 128;
const MAX_KEPT_HEADERS_BYTES = 4096;
// W3C Trace Context: version ff and ids of zeros only are invalid.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const path = z.object({ userId: id, zapId: id });

/** Headers that name an event or its sender; never one that could carry a secret. */
export const EVENT_HEADERS = [
  'content-type',
  'user-agent',
  'x-event-type',
  'x-github-event',
  'x-github-delivery',
  'x-gitlab-event',
  'x-shopify-topic',
];

/**
 * The ids of the path. Hono decodes `%2F` and `%00` inside a segment, so they are checked before anything else.
 *
 * @throws IngestError not_found
 */
export function parsePath(params: unknown): { userId: string; zapId: string } {
  const result = path.safeParse(params);
  if (result.success) return result.data;
  throw new IngestError('not_found', 'No such hook. Expected /hooks/catch/:userId/:zapId with ids of 1-64 letters, digits, _ or -.');
}

/**
 * @throws IngestError unsupported_media_type unless the headers announce plain JSON (or nothing at all)
 */
export function requireJson(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (!['', 'identity'].includes((contentEncoding ?? '').trim().toLowerCase())) {
    throw new IngestError('unsupported_media_type', `Content-Encoding "${contentEncoding}" is not taken: send the body uncompressed.`);
  }
  if (contentType === undefined || contentType === '') return;
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (type !== 'application/json' && !/^application\/[a-z0-9.+_-]+\+json$/.test(type)) {
    throw new IngestError('unsupported_media_type', `Content-Type "${type}" is not taken: send application/json.`);
  }
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice('charset='.length)
    .replaceAll('"', '');
  if (charset !== undefined && !['utf-8', 'utf8'].includes(charset)) {
    throw new IngestError('unsupported_media_type', `The charset ${charset} is not taken: send UTF-8.`);
  }
}

/**
 * The body as text, checked to be JSON and otherwise untouched.
 *
 * @throws IngestError invalid_json for bytes that are not UTF-8, text that is not JSON, and nesting beyond 128
 */
export function parseJson(body: Uint8Array): string {
  if (body.length === 0) return 'null';
  let text: string;
  try {
    // A byte order mark stays in the text, where JSON.parse refuses it.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new IngestError('invalid_json', 'The body is not valid UTF-8.');
  }
  if (depthOf(body) > MAX_DEPTH) throw new IngestError('invalid_json', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  try {
    JSON.parse(text);
  } catch (error) {
    throw new IngestError('invalid_json', `The body is not valid JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  return text;
}

/** Deepest nesting of brackets outside strings. On bytes and without recursion: the text may be five million `[`. */
function depthOf(body: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === 0x5c)
        at += 1; // Backslash: whatever follows is no quote that ends the string.
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return deepest;
}

/** The headers to keep, in the order of `names`, as long as they fit into 4 KiB together. */
export function keepHeaders(names: readonly string[], valueOf: (name: string) => string | undefined): Record<string, string> {
  const kept: Record<string, string> = {};
  let bytes = 0;
  for (const name of names) {
    const value = valueOf(name);
    if (value === undefined) continue;
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes > MAX_KEPT_HEADERS_BYTES) break;
    kept[name.toLowerCase()] = value;
  }
  return kept;
}

export function parseTraceparent(value: string | undefined): string | null {
  return value !== undefined && TRACEPARENT.test(value) ? value : null;
}
