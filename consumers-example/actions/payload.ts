import { PoisonError } from '../consumer/errors.ts';
import type { ZapRunCreated } from '../../contract/zap-run.ts';

/** What is stored of an event, and sent to every target that wants it. */
export interface Action {
  eventId: string;
  /** userId/zapId */
  zap: string;
  body: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The request body: Standard Webhooks' `type`, `timestamp`, `data`. The metadata goes in as the text that it is: parsed
 * and written again, it would lose large numbers, repeated keys and lone surrogates.
 *
 * @throws PoisonError when the event breaks what its schema promises: it can never become a request
 */
export function toAction({ zapRunId, userId, zapId, receivedAt, metadata, headers }: ZapRunCreated): Action {
  if (!UUID.test(zapRunId)) throw new PoisonError('REFUSED', 'zapRunId is no UUID in lower case');
  if (!ID.test(userId) || !ID.test(zapId)) throw new PoisonError('REFUSED', 'userId or zapId is no id');
  if (Math.abs(receivedAt) > 8.64e15) throw new PoisonError('REFUSED', 'receivedAt is no time');
  try {
    JSON.parse(metadata);
  } catch (error) {
    throw new PoisonError('REFUSED', 'metadata is no JSON', error);
  }
  const time = new Date(receivedAt).toISOString();
  const data = JSON.stringify({ id: zapRunId, userId, zapId, receivedAt: time, headers });
  const body = `{"type":"zap-run.created","timestamp":"${time}","data":${data.slice(0, -1)},"metadata":${metadata}}}`;
  return { eventId: zapRunId, zap: `${userId}/${zapId}`, body };
}
