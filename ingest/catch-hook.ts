import type { Budget } from './budget.ts';
import { parseForm } from './decode/form.ts';
import { unpack } from './decode/unpack.ts';
import { IngestError } from './errors.ts';
import type { EventSchema } from '../contract/event.ts';
import type { HookAnswer } from './handshake.ts';
import { deliveryIdOf, type Idempotency } from './idempotency.ts';
import { metadataOf } from './metadata.ts';
import type { RequestLine } from './observe.ts';
import { defaultReading, type Reading } from './reading.ts';
import type { RecordEvent } from './record-event.ts';
import { newRequestId } from './request-id.ts';
import type { HookRequest } from './signed-content.ts';
import { EVENT_HEADERS, keepHeaders, parseIdempotencyKey, requireKey, traceparentOf } from './webhook.ts';
import type { Hook, Recorded, RequestHeaders, RunEvent, Webhook } from './webhook.ts';
import type { HookSettings } from './zaps.ts';

/** Access control and what is particular about a hook. Without it, anyone may post to any hook. */
export interface Door {
  /** Before the body is read. @throws IngestError not_found (`noSuchHook`) */
  settings(hook: Hook): HookSettings;
  /** The answer to a vendor's check of the URL, which is no event. @throws IngestError unauthorized */
  greet(hook: Hook, request: HookRequest): HookAnswer | undefined;
  /**
   * On the bytes as they arrived, before they are parsed; a GET's are its query.
   *
   * @returns the key by which the same signed request is a repeat, where it is one
   * @throws IngestError unauthorized
   */
  verify(hook: Hook, request: HookRequest): string | undefined;
}

/** How many may post. Without one: as many as the database takes. */
export interface RateLimit {
  /** Counts one request, before it is written. @throws IngestError rate_limited */
  take(hook: Hook): void;
  /** Counts it no more: it only repeated a known key. */
  giveBack(hook: Hook): void;
}

export interface CatchHook {
  recordEvent: RecordEvent;
  /** The first run of the event's key; undefined when the key is new. @throws IngestError idempotency_conflict */
  findRepeat: (event: RunEvent) => Promise<Recorded | undefined>;
  /** The schema to write events with; undefined while it is not registered. */
  eventSchema: () => EventSchema | undefined;
  door?: Door | undefined;
  rateLimit?: RateLimit | undefined;
  budget: Budget;
  bodyLimitBytes: number;
  maxEventBytes: number;
  keepHeaders: readonly string[];
}

/** A request whose body has arrived. */
export interface Arrived extends HookRequest {
  hook: Hook;
  /** Its body is empty, and `body` has the bytes of the query, which stands for it. */
  isQuery: boolean;
  /** What Content-Encoding names. */
  codings: readonly string[];
}

/** The run, and all of them where a hook makes several of one request; neither where there was nothing. */
export interface Stored {
  id?: string;
  ids?: string[];
}

function read({ headers, codings, body, isQuery }: Arrived, reading: Reading, limit: number): string | string[] {
  if (isQuery) return parseForm(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  const unpacked = codings.length === 0 ? body : unpack(body, codings, limit);
  return metadataOf(unpacked, headers['content-type'] as string | undefined, reading);
}

/**
 * The id that the hook's vendor keeps when it tries again; else what was signed, before the sender's own key, which is
 * not: with another one a captured request would be a new one.
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

export const schemaUnknown = () => new IngestError('schema_unknown', 'The event schema is not registered yet. Try again.');

/**
 * From the bytes that arrived to the committed run: judge, encode, write.
 *
 * @returns the answer that the hook has of its own, else what was stored
 * @throws IngestError
 */
export function createCatchHook(given: CatchHook): (arrived: Arrived, line: RequestLine) => Promise<HookAnswer | Stored> {
  const { door, rateLimit, budget, bodyLimitBytes, maxEventBytes } = given;
  const keptNames = new Set([...EVENT_HEADERS, ...given.keepHeaders.map((name) => name.toLowerCase())]);

  /** @returns undefined when the request makes no run: an empty array, of a hook that splits */
  function judge(arrived: Arrived, requestId: string): RunEvent | undefined {
    const { hook, headers } = arrived;
    const replayKey = door?.verify(hook, arrived);
    const schema = given.eventSchema();
    if (schema === undefined) throw schemaUnknown();
    const settings = door?.settings(hook);
    const metadata = read(arrived, settings?.reading ?? defaultReading, bodyLimitBytes);
    const first = typeof metadata === 'string' ? metadata : metadata[0];
    if (first === undefined) return undefined;
    // Written out here and below: a spread takes longer than all the rest of judging.
    const webhook: Webhook = {
      userId: hook.userId,
      zapId: hook.zapId,
      metadata: first,
      headers: keepHeaders(keptNames, headers),
      idempotencyKey: keyOf(settings?.idempotency, headers, metadata, replayKey),
      traceparent: traceparentOf(headers.traceparent, requestId),
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
      repeatsAnyBody: settings?.idempotency?.onConflict === 'repeat',
    };
    if (typeof metadata === 'string' || metadata.length === 1) return event;
    return { ...event, followers: metadata.slice(1).map((text, at) => follow(schema, event, text, `#${at + 1}/${metadata.length}`)) };
  }

  /** Each has a key of its own, so that a repeat with other elements is told from a true one. */
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

  async function write(event: RunEvent): Promise<Recorded> {
    if (rateLimit === undefined) return given.recordEvent(event);
    try {
      rateLimit.take(event);
    } catch (refused) {
      // A repeat does not count: it is answered even when nothing new would be.
      const first = event.idempotencyKey === null ? undefined : await given.findRepeat(event);
      if (first === undefined) throw refused;
      return first;
    }
    const recorded = await given.recordEvent(event);
    if (recorded.repeated) rateLimit.giveBack(event);
    return recorded;
  }

  return async (arrived, line) => {
    const answer = door?.greet(arrived.hook, arrived);
    if (answer !== undefined) {
      line.outcome = 'handshake';
      return answer;
    }
    // The request's id becomes the run's: whoever got a 503 and knows it can look whether the run is there.
    const event = judge(arrived, line.requestId);
    const response = door?.settings(arrived.hook).response;
    if (event === undefined) return response ?? {};
    const bytes = (event.followers ?? []).reduce((sum, { payload }) => sum + payload.length, event.payload.length);
    line.bytes = bytes;
    // Counted, not refused: what has come this far is nearer to being done with than what still arrives.
    budget.held += bytes;
    try {
      const { id, followers, repeated } = await write(event);
      line.id = id;
      line.outcome = repeated ? 'repeated' : 'recorded';
      return response ?? (followers === undefined ? { id } : { id, ids: [id, ...followers] });
    } finally {
      budget.give(bytes);
    }
  };
}
