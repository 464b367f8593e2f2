import type { PeerResult } from './result.ts';

/**
 * outbox-event-bus with Prisma and its Kafka publisher cannot be installed: npm answers 404 for `outbox-event-bus`, on which
 * both packages depend. By its source, its poller handles one event after the other and waits until it was published, while
 * its publisher waits up to 100 ms for more events to fill its buffer; so about ten events a second are to be expected.
 */
export const unmeasured: PeerResult = {
  name: 'outbox-event-bus',
  title: 'outbox-event-bus, Prisma and Kafka',
  version: '@outbox-event-bus/postgres-prisma-outbox 2.0.3, @outbox-event-bus/kafka-publisher 2.0.3',
  failed: ['npm serves no outbox-event-bus 2.0.3, on which both packages depend (404)'],
};
