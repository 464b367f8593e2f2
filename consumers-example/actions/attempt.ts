import type { Span, Tracing } from '../../kit/tracing.ts';
import { hostOf, portOf } from './address-guard.ts';
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

function requestOf({ eventId, body }: Delivery, target: Target, traceparent: string | undefined): Call {
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
    headers: {
      ...AGENT,
      ...target.headers,
      'content-type': 'application/json',
      ...signed,
      ...(traceparent !== undefined && { traceparent }),
    },
    body,
    timeoutMs,
    insecure,
  };
}

/** The span of a call. It has no URL: the path and the query of a target often are its secret. */
const startSpan = (tracing: Tracing, { eventId, attempts, traceparent }: Delivery, { name, method, url }: Target): Span =>
  tracing.start({
    name: method,
    kind: 'client',
    parent: traceparent ?? undefined,
    attributes: {
      'http.request.method': method,
      'server.address': hostOf(url),
      'server.port': portOf(url),
      'http.request.resend_count': attempts === 0 ? undefined : attempts,
      'outbox.target': name,
      'outbox.run_id': eventId,
    },
  });

/** By the conventions of HTTP every status from 400 on is an error of a call. */
const errorTypeOf = ({ status }: Ended, answer: string): string | undefined =>
  status === undefined ? answer : status < 400 ? undefined : String(status);

/** Makes one attempt and decides what follows. Never rejects. */
export async function attempt(
  delivery: Delivery,
  target: Target,
  { call }: Pick<GuardedClient, 'call'>,
  scheduleMs: readonly number[],
  tracing?: Tracing,
): Promise<Attempted> {
  const began = performance.now();
  const span = tracing && startSpan(tracing, delivery, target);
  let ended: Ended;
  let answer: string;
  try {
    ended = await call(requestOf(delivery, target, span?.traceparent));
    answer = `${String(ended.status).slice(0, 1)}xx`;
  } catch (error) {
    ended = { error: error instanceof Error ? error.message : String(error) };
    answer = error instanceof CallError ? error.code : 'network';
  }
  span?.end({ 'http.response.status_code': ended.status }, errorTypeOf(ended, answer));
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
