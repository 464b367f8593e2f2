import type { Delivery, Outcome } from './deliveries.ts';
import { CallError, type Call, type GuardedClient } from './guarded-client.ts';
import { nextState, type Ended } from './schedule.ts';
import { signatureHeaders, webhookId } from './sign.ts';
import { confirmationUrl } from './sns.ts';
import type { Target } from './targets.ts';

/** The record of an attempt. It has nothing that the target or the sender of the event sent. */
export interface Attempted {
  outcome: Outcome;
  /** 2xx, 3xx, 4xx, 5xx, timeout, network, blocked */
  answer: string;
  seconds: number;
}

const AGENT = { 'user-agent': 'webhook-outbox' };

function requestOf({ eventId, body }: Delivery, target: Target): Call {
  const { url, method, timeoutMs, insecure, confirmSns } = target;
  if (confirmSns !== undefined) {
    const confirming = confirmationUrl(body, confirmSns);
    if (confirming === undefined) throw new CallError('blocked', 'it is not the confirmation of a subscription that may be confirmed');
    // SNS gets nothing but the token that came from it.
    return { url: confirming, method, headers: AGENT, body: '', timeoutMs };
  }
  const signed = signatureHeaders(webhookId(eventId, target.name), new Date(), body, target.keys);
  return {
    url,
    method,
    headers: { ...AGENT, ...target.headers, 'content-type': 'application/json', ...signed },
    body,
    timeoutMs,
    insecure,
  };
}

/** Makes one attempt and decides what follows. Never rejects. */
export async function attempt(
  delivery: Delivery,
  target: Target,
  { call }: Pick<GuardedClient, 'call'>,
  scheduleMs: readonly number[],
): Promise<Attempted> {
  const began = performance.now();
  let ended: Ended;
  let answer: string;
  try {
    ended = await call(requestOf(delivery, target));
    answer = `${String(ended.status).slice(0, 1)}xx`;
  } catch (error) {
    ended = { error: error instanceof Error ? error.message : String(error) };
    answer = error instanceof CallError ? error.code : 'network';
  }
  const next = nextState(ended, delivery.attempts, { scheduleMs, on4xx: target.on4xx });
  const outcome: Outcome = {
    delivery,
    state: next.state,
    delayMs: next.state === 'pending' ? next.delayMs : 0,
    disables: next.state === 'dead' && next.disables,
    status: ended.status ?? null,
    error: ended.error ?? null,
  };
  return { outcome, answer, seconds: (performance.now() - began) / 1000 };
}
