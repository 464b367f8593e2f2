import type { EventSchema } from '../contract/event.ts';
import { parseForm } from './decode/form.ts';
import { unpack } from './decode/unpack.ts';
import { IngestError } from './errors.ts';
import { deliveryIdOf, type Idempotency } from './idempotency.ts';
import { metadataOf } from './metadata.ts';
import type { RequestLine } from './observe.ts';
import type { Reading } from './reading.ts';
import { newRequestId } from './request-id.ts';
import type { HookRequest } from './signed-content.ts';
import { EVENT_HEADERS, keepHeaders, parseIdempotencyKey, requireKey, traceparentOf } from './webhook.ts';
import type { Hook, RequestHeaders, RunEvent, Webhook } from './webhook.ts';
import type { HookSettings } from './zaps.ts';

// From a request with its body to the finished event.

export interface EventLimits {
  /** The schema to write events with; undefined while it is not registered. */
  eventSchema: () => EventSchema | undefined;
  bodyLimitBytes: number;
  maxEventBytes: number;
  keepHeaders: readonly string[];
}

/** A request whose body has arrived. */
export interface Arrived extends HookRequest {
  hook: Hook;
  /** Whether the body is empty, so that `body` has the bytes of the query instead. */
  isQuery: boolean;
  /** The codings of Content-Encoding. */
  codings: readonly string[];
}

type Line = Pick<RequestLine, 'requestId' | 'traceparent'>;

export const schemaUnknown = () => new IngestError('schema_unknown', 'The event schema is not registered yet. Try again.');

/**
 * Makes events of requests. The id of a request becomes the id of its run, so a sender that got a 503 can find out by the id
 * whether the run exists.
 *
 * @returns a function that returns undefined when a request makes no run: an empty array, on a hook that splits. It
 *   throws IngestError: invalid_…, unsupported_media_type, payload_too_large, schema_unknown
 */
export function createRunEvents({ eventSchema, bodyLimitBytes, maxEventBytes, ...given }: EventLimits) {
  const keptNames = new Set([...EVENT_HEADERS, ...given.keepHeaders.map((name) => name.toLowerCase())]);

  /** Each run has its own key, so that a repeat with other elements is distinguished from a true repeat. */
  function follow(schema: EventSchema, event: RunEvent, metadata: string, suffix: string): RunEvent {
    const id = newRequestId();
    const idempotencyKey = event.idempotencyKey === null ? null : requireKey(event.idempotencyKey + suffix);
    return { ...event, id, metadata, idempotencyKey, payload: encode(schema, id, event.receivedAt, { ...event, metadata }) };
  }

  function encode(schema: EventSchema, id: string, receivedAt: Date, webhook: Webhook): Buffer {
    const payload = schema.encode(id, receivedAt, webhook);
    if (payload.length <= maxEventBytes) return payload;
    throw new IngestError('payload_too_large', `The event would have ${payload.length} bytes; ${maxEventBytes} are allowed.`);
  }

  return (arrived: Arrived, settings: HookSettings, replayKey: string | undefined, line: Line): RunEvent | undefined => {
    const { hook, headers } = arrived;
    const { requestId } = line;
    const schema = eventSchema();
    if (schema === undefined) throw schemaUnknown();
    const metadata = read(arrived, settings.reading, bodyLimitBytes);
    const first = typeof metadata === 'string' ? metadata : metadata[0];
    if (first === undefined) return undefined;
    // Written out here and below: a spread takes longer than the rest of this function.
    const webhook: Webhook = {
      userId: hook.userId,
      zapId: hook.zapId,
      metadata: first,
      headers: keepHeaders(keptNames, headers),
      idempotencyKey: keyOf(settings.idempotency, headers, metadata, replayKey),
      traceparent: line.traceparent ?? traceparentOf(headers.traceparent, requestId),
    };
    const receivedAt = new Date();
    const event: RunEvent = {
      id: requestId,
      receivedAt,
      schemaId: schema.id,
      payload: encode(schema, requestId, receivedAt, webhook),
      userId: webhook.userId,
      zapId: webhook.zapId,
      metadata: webhook.metadata,
      headers: webhook.headers,
      idempotencyKey: webhook.idempotencyKey,
      traceparent: webhook.traceparent,
      repeatsAnyBody: settings.idempotency?.onConflict === 'repeat',
    };
    if (typeof metadata === 'string' || metadata.length === 1) return event;
    return { ...event, followers: metadata.slice(1).map((text, at) => follow(schema, event, text, `#${at + 1}/${metadata.length}`)) };
  };
}

function read({ headers, codings, body, isQuery }: Arrived, reading: Reading, limit: number): string | string[] {
  if (isQuery) return parseForm(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  const unpacked = codings.length === 0 ? body : unpack(body, codings, limit);
  return metadataOf(unpacked, headers['content-type'] as string | undefined, reading);
}

/**
 * The id that the vendor keeps in a retry; otherwise the signed request; otherwise the sender's key. The sender's key comes
 * last because it is not signed: with another key a captured request would become a new one.
 */
function keyOf(
  idempotency: Idempotency | undefined,
  headers: RequestHeaders,
  metadata: string | string[],
  replayKey: string | undefined,
): string | null {
  const known =
    idempotency && deliveryIdOf(idempotency, headers, () => (typeof metadata === 'string' ? metadata : `[${metadata.join(',')}]`));
  return known ?? replayKey ?? parseIdempotencyKey(headers);
}
