import { createRequire } from 'node:module';

/** The request queue that kafkajs 2.2.4 keeps per connection. */
export interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttleCheckTimeoutId: unknown;
  checkPendingRequests: () => void;
  scheduleCheckPendingRequests: () => void;
}

/**
 * kafkajs 2.2.4 polls its queue of waiting requests every millisecond while a connection lives, even when the queue is
 * empty: an idle client wakes up 830 times a second. This patch polls only while a request waits. A queued or answered
 * request checks the queue itself. kafka.ts imports this file for its effect.
 */
export const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };

const schedule = prototype.scheduleCheckPendingRequests;
prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this);
};
