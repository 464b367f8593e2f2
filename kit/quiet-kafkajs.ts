import { createRequire } from 'node:module';

/** What kafkajs 2.2.4 has for each connection to a broker. */
export interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttleCheckTimeoutId: unknown;
  checkPendingRequests: () => void;
  scheduleCheckPendingRequests: () => void;
}

/**
 * kafkajs 2.2.4 looks for requests that wait, once a millisecond and for as long as a connection lives, although none
 * waits: an idle client wakes up 830 times a second. Here the next look is scheduled only while one waits; a request
 * that is put in the queue, or answered, looks by itself. Imported for its effect where clients are made (kafka.ts).
 */
export const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };

const schedule = prototype.scheduleCheckPendingRequests;
prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this);
};
