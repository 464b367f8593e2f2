import type { Delivery, Outcome } from './deliveries.ts';
import { CallError, type GuardedClient } from './guarded-client.ts';
import { nextState, type Ended } from './schedule.ts';
import { signatureHeaders, webhookId } from './sign.ts';
import type { Target } from './targets.ts';

/** What is told of each attempt: nothing that the target or the sender of the event sent. */
export interface Attempted {
  outcome: Outcome;
  /** 2xx, 3xx, 4xx, 5xx, timeout, network, blocked */
  answer: string;
  seconds: number;
}

/** Makes one attempt and judges what came of it. Never rejects. */
export async function attempt(
  delivery: Delivery,
  target: Target,
  { call }: Pick<GuardedClient, 'call'>,
  scheduleMs: readonly number[],
): Promise<Attempted> {
  const { eventId, body } = delivery;
  const began = performance.now();
  const signed = signatureHeaders(webhookId(eventId, target.name), new Date(), body, target.keys);
  const headers = { 'user-agent': 'webhook-outbox', ...target.headers, 'content-type': 'application/json', ...signed };
  let ended: Ended;
  let answer: string;
  try {
    ended = await call({ url: target.url, method: target.method, headers, body, timeoutMs: target.timeoutMs, insecure: target.insecure });
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
