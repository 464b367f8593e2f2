import { PoisonError } from '../consumer/errors.ts';
import { HOOK_ID, RUN_ID } from '../../contract/ids.ts';
import type { ZapRunCreated } from '../../contract/zap-run.ts';

/** The stored form of an event, which is sent to its targets. */
export interface Action {
  eventId: string;
  /** userId/zapId */
  zap: string;
  body: string;
  /** The W3C trace context that its calls continue; only with tracing. */
  traceparent?: string | null | undefined;
}

/**
 * The request body: Standard Webhooks' `type`, `timestamp`, `data`. The metadata is inserted as text: parsed and serialized
 * again, it would lose large numbers, repeated keys and lone surrogates.
 *
 * @throws PoisonError when the event breaks the promises of its schema: it can never become a request
 */
export function toAction({ zapRunId, userId, zapId, receivedAt, metadata, headers }: ZapRunCreated, traceparent?: string): Action {
  if (!RUN_ID.test(zapRunId)) throw new PoisonError('REFUSED', 'zapRunId is not a UUID in lower case');
  if (!HOOK_ID.test(userId) || !HOOK_ID.test(zapId)) throw new PoisonError('REFUSED', 'userId or zapId is not a valid id');
  if (Math.abs(receivedAt) > 8.64e15) throw new PoisonError('REFUSED', 'receivedAt is not a valid time');
  try {
    JSON.parse(metadata);
  } catch (error) {
    throw new PoisonError('REFUSED', 'metadata is not JSON', error);
  }
  const time = new Date(receivedAt).toISOString();
  const data = JSON.stringify({ id: zapRunId, userId, zapId, receivedAt: time, headers });
  const body = `{"type":"zap-run.created","timestamp":"${time}","data":${data.slice(0, -1)},"metadata":${metadata}}}`;
  return { eventId: zapRunId, zap: `${userId}/${zapId}`, body, traceparent };
}
