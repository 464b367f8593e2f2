import { expect, onTestFinished, test } from 'vitest';
import { prototype, type RequestQueue } from './quiet-kafkajs.ts';

/** A queue as kafkajs makes it, with as many requests in flight as allowed, so that others wait. */
const queueWith = (pending: unknown[]): RequestQueue & { throttleCheckTimeoutId: NodeJS.Timeout | null } =>
  Object.assign(Object.create(prototype) as RequestQueue, {
    ...{ pending, throttledUntil: -1, throttleCheckTimeoutId: null, maxInFlightRequests: 1, inflight: new Map([[1, {}]]) },
  });

test('a connection on which no request waits has no timer', () => {
  const queue = queueWith([]);
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
});

test('while a request waits, the next poll is scheduled', () => {
  const queue = queueWith([{}]);
  queue.checkPendingRequests();
  onTestFinished(() => clearTimeout(queue.throttleCheckTimeoutId ?? undefined));
  expect(queue.throttleCheckTimeoutId).not.toBeNull();
});
