import { HOOK_ID } from '../contract/ids.ts';
import { IngestError } from './errors.ts';

/** The hook of a webhook. */
export interface Hook {
  userId: string;
  zapId: string;
}

/** The content of a webhook: validated and unchanged. */
export interface Webhook extends Hook {
  /** The JSON text: exactly as it arrived, or made from a form; `null` for an empty body. */
  metadata: string;
  /** The kept request headers, names in lower case. */
  headers: Record<string, string>;
  /** Two posts of a zap with the same key are one; null without a key. */
  idempotencyKey: string | null;
  /** W3C trace context: the sender's, or one made for this request. */
  traceparent: string;
}

/** A run and its event, ready to be written. */
export interface RunEvent extends Webhook {
  id: string;
  receivedAt: Date;
  schemaId: number;
  /** The finished record value. */
  payload: Buffer;
  /** Whether another post with the same key is a repeat even if its body differs. */
  repeatsAnyBody?: boolean;
  /** Further events of the same request: written with this one in one transaction, or none of them. */
  followers?: readonly RunEvent[];
}

/** The run that stands for the event: its own, or the first one of its key. */
export interface Recorded {
  id: string;
  /** Those of the followers, in their order. */
  followers?: readonly string[];
  repeated: boolean;
}

/** Request headers by their names in lower case, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** An idempotency key. */
export const KEY = /^[\x21-\x7e]{1,255}$/;
const MAX_KEPT_HEADERS_BYTES = 4096;
// W3C Trace Context: version ff and ids of zeros only are invalid. Of a later version the fields of this one are read.
const TRACEPARENT = /^(?!ff)(?:00|([0-9a-f]{2}))-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})((?:-.*)?)$/;

/** Headers that name an event, its sender or its delivery; never one that could carry a secret. */
export const EVENT_HEADERS = [
  ...['content-type', 'user-agent', 'x-event-type', 'x-event-id', 'x-event-name', 'x-request-id', 'x-webhook-id'],
  ...['webhook-id', 'webhook-timestamp', 'svix-id', 'svix-timestamp'],
  ...['ce-id', 'ce-source', 'ce-specversion', 'ce-subject', 'ce-time', 'ce-type'],
  ...[
    'x-github-event',
    'x-github-delivery',
    'x-github-hook-id',
    'x-gitlab-event',
    'x-gitlab-event-uuid',
    'x-gitea-event',
    'x-gitea-delivery',
  ],
  ...['x-shopify-topic', 'x-shopify-shop-domain', 'x-shopify-event-id', 'x-shopify-webhook-id', 'x-shopify-triggered-at'],
  ...['x-wc-webhook-topic', 'x-wc-webhook-delivery-id', 'x-slack-retry-num', 'x-slack-request-timestamp'],
  ...['linear-event', 'linear-delivery', 'sentry-hook-resource', 'x-hook-uuid', 'x-atlassian-webhook-identifier'],
];

/** One message for invalid and unknown hooks, so that a sender cannot distinguish them. */
export const noSuchHook = () => new IngestError('not_found', 'No such hook. Expected /hooks/catch/:userId/:zapId.');

/**
 * The ids of the path. Hono decodes `%2F` and `%00` inside a segment, so they are checked before anything else.
 *
 * @throws IngestError not_found
 */
export function parsePath({ userId, zapId }: { userId?: string; zapId?: string }): Hook {
  if (userId === undefined || zapId === undefined || !HOOK_ID.test(userId) || !HOOK_ID.test(zapId)) throw noSuchHook();
  return { userId, zapId };
}

/**
 * `Idempotency-Key`, otherwise the `webhook-id` of Standard Webhooks. The body is never a key: two equal bodies may be two
 * events.
 *
 * @throws IngestError invalid_idempotency_key unless it has 1–255 visible ASCII characters
 */
export function parseIdempotencyKey(headers: RequestHeaders): string | null {
  const key = headers['idempotency-key'] ?? headers['webhook-id'];
  return key === undefined ? null : requireKey(key);
}

/** @throws IngestError invalid_idempotency_key */
export function requireKey(key: string | string[]): string {
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new IngestError('invalid_idempotency_key', 'Idempotency-Key (or webhook-id) needs 1-255 visible ASCII characters, and only once.');
}

/** The headers to keep, in the order in which they came, as long as they fit into 4 KiB together. */
export function keepHeaders(names: ReadonlySet<string>, headers: RequestHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  let bytes = 0;
  for (const name in headers) {
    const given = headers[name];
    if (typeof given !== 'string' || !names.has(name)) continue;
    const value = textOf(given);
    if (value === undefined) continue;
    bytes += name.length + Buffer.byteLength(value);
    if (bytes > MAX_KEPT_HEADERS_BYTES) break;
    kept[name] = value;
  }
  return kept;
}

const BEYOND_ASCII = /[\x80-\xff]/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A header's value as UTF-8; undefined when its bytes, which Node returns as Latin-1, are not UTF-8. */
function textOf(value: string): string | undefined {
  if (!BEYOND_ASCII.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return undefined;
  }
}

/**
 * The sender's trace context if it is valid, otherwise a new one. Its trace id is the request's UUID, so that a trace is
 * found by the run's id. It says "sampled": with "not sampled" no consumer would record anything.
 */
export function traceparentOf(value: string | string[] | undefined, requestId: string): string {
  const [, later, fields, more = ''] = typeof value === 'string' ? (TRACEPARENT.exec(value) ?? []) : [];
  if (fields !== undefined && (later !== undefined || more === '')) return `00-${fields}`;
  const trace = requestId.replaceAll('-', '');
  return `00-${trace}-${trace.slice(16)}-01`;
}
