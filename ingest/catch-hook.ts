import type { Readable } from 'node:stream';
import { readBody } from './body.ts';
import type { Budget } from './budget.ts';
import { codingsOf, requirePackedLength } from './decode/unpack.ts';
import type { AccessControl } from './access-control.ts';
import { IngestError } from './errors.ts';
import type { HookAnswer } from './handshake.ts';
import type { RequestLine } from './observe.ts';
import { routes } from './openapi.ts';
import { defaultReading } from './reading.ts';
import type { RecordEvent } from './record-event.ts';
import { createRunEvents, type EventLimits } from './run-event.ts';
import type { HookRequest } from './signed-content.ts';
import { parsePath, type Hook } from './webhook.ts';
import type { HookSettings } from './zaps.ts';

export interface CatchHook extends EventLimits {
  recordEvent: RecordEvent;
  /** Access control and the settings of hooks. Without it, anyone may post to any hook. */
  access?: AccessControl | undefined;
  /** Whether the outbox has outgrown its limit. */
  outboxIsFull: () => boolean;
  budget: Budget;
}

/** A request whose head has arrived. */
export interface HookHead extends Omit<HookRequest, 'body'> {
  params: Partial<Hook>;
  body: Readable;
  /** Tells a sender that waits for it (`Expect: 100-continue`) to send the body. */
  goOn(): void;
  /** Lets pages of these origins read the answer (CORS). */
  allowOrigins(origins: ReadonlySet<string>): void;
}

/** Ingest's own answer: the id of the run, or all ids when a hook makes several runs of one request. */
export interface OwnAnswer {
  message: string;
  id?: string;
  ids?: string[];
}

export const hookMethods: readonly string[] = routes.find(({ name }) => name === 'catchHook')?.methods ?? [];
const openToAll: HookSettings = { reading: defaultReading };
const NOTHING = new Uint8Array();
const nothingCame: OwnAnswer = { message: 'This hook takes webhooks. Nothing was sent, so nothing was stored.' };
const noContent: HookAnswer = { status: 204, headers: {}, body: '' };

/**
 * The sequence of a webhook, from the head of its request to the committed run. A request that can be refused by its head
 * is refused before its body is read. Its signature is checked before a byte of the body is parsed.
 *
 * @returns handles a request and fills its log line
 * @throws IngestError, SenderGone
 */
export function createCatchHook(given: CatchHook): (request: HookHead, line: RequestLine) => Promise<HookAnswer | OwnAnswer> {
  const { access, outboxIsFull, budget, bodyLimitBytes, recordEvent } = given;
  const runEventOf = createRunEvents(given);

  return async (request, line) => {
    const hook = parsePath(request.params);
    line.userId = hook.userId;
    line.zapId = hook.zapId;
    const settings = access?.settings(hook) ?? openToAll;
    if (settings.origins !== undefined) request.allowOrigins(settings.origins);
    const { method, query, headers } = request;

    /** The answer to a vendor's check of the URL, which makes no event. */
    const handshake = (body: Uint8Array) => {
      const answer = access?.answerHandshake(hook, settings, { method, query, headers, body });
      if (answer !== undefined) line.outcome = 'handshake';
      return answer;
    };
    if (method === 'HEAD') return handshake(NOTHING) ?? nothingCame;
    const preflight = method === 'OPTIONS' ? (handshake(NOTHING) ?? (settings.origins && noContent)) : undefined;
    if (preflight !== undefined) return preflight;
    if (!hookMethods.includes(method)) throw methodNotAllowed(method, hookMethods);

    if (outboxIsFull()) throw new IngestError('backpressure', 'Too many events wait to be published. Try again later.', undefined, 30);
    const codings = codingsOf(headers['content-encoding'] as string | undefined);
    const announced = announcedBytes(headers['content-length'] as string | undefined, bodyLimitBytes);
    if (announced !== undefined && codings.length > 0) requirePackedLength(announced, codings);
    request.goOn();
    const sent = await readBody(request.body, bodyLimitBytes, budget, announced);
    let held = sent.length;
    try {
      // The data of a GET is its query, whatever body its client sends.
      const isQuery = query !== '' && (sent.length === 0 || method === 'GET');
      const arrived = { hook, method, query, headers, body: isQuery ? Buffer.from(query, 'latin1') : sent, isQuery, codings };
      const challenged = handshake(arrived.body);
      if (challenged !== undefined) return challenged;
      if (method === 'GET' && arrived.body.length === 0) return nothingCame;

      const replayKey = access?.verify(hook, settings, arrived);
      const event = runEventOf(arrived, settings, replayKey, line);
      if (event === undefined) return settings.response ?? received({});
      line.bytes = (event.followers ?? []).reduce((sum, { payload }) => sum + payload.length, event.payload.length);
      // Counted without a limit: finishing this request frees memory sooner than refusing it.
      budget.held += line.bytes;
      held += line.bytes;
      const { id, followers, repeated } = await recordEvent(event);
      line.id = id;
      line.outcome = repeated ? 'repeated' : 'recorded';
      return settings.response ?? received(followers === undefined ? { id } : { id, ids: [id, ...followers] });
    } finally {
      budget.give(held);
    }
  };
}

export const methodNotAllowed = (method: string, supported: readonly string[]) =>
  new IngestError('method_not_allowed', `${method} is not supported here: send ${supported.join(', ')}.`);
const received = (runs: Omit<OwnAnswer, 'message'>): OwnAnswer => ({ message: 'Webhook received', ...runs });

/** @throws IngestError payload_too_large */
function announcedBytes(length: string | undefined, limit: number): number | undefined {
  const announced = length === undefined ? undefined : Number(length);
  if (announced !== undefined && announced > limit) throw new IngestError('payload_too_large', `The body is larger than ${limit} bytes.`);
  return announced;
}
