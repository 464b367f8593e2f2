import type { Tracing } from '../../kit/tracing.ts';
import { codeOf, type Delivered, type Handling, type Received } from './work-off.ts';

type Handler<T> = Pick<Handling<T>, 'handleBatch' | 'batchSize'>;

/**
 * Gives each call of a handler a span. With one event the span continues the event's trace; with several it begins a trace
 * that links to theirs. Without tracing the handler is returned as it is.
 */
export function traced<T>(handler: Handler<T>, groupId: string, tracing: Tracing | undefined): Handler<T> {
  if (tracing === undefined) return handler;
  return {
    ...handler,
    handleBatch: async (delivered) => {
      const [one, ...others] = delivered;
      if (one === undefined) return;
      const { topic, partition } = one.record;
      const span = tracing.start({
        name: `process ${topic}`,
        kind: 'consumer',
        ...(others.length === 0 ? { parent: traceparentOf(one.record) } : { links: delivered.map(({ record }) => traceparentOf(record)) }),
        attributes: {
          'messaging.system': 'kafka',
          'messaging.operation.type': 'process',
          'messaging.operation.name': 'process',
          'messaging.destination.name': topic,
          'messaging.destination.partition.id': String(partition),
          'messaging.consumer.group.name': groupId,
          'messaging.kafka.offset': Number(one.record.offset),
          ...(others.length === 0 ? about(one) : { 'messaging.batch.message_count': delivered.length }),
        },
      });
      const passOn = (each: Delivered<T>) => ({
        ...each,
        traceparent: others.length === 0 ? span.traceparent : traceparentOf(each.record),
      });
      try {
        await handler.handleBatch(delivered.map(passOn));
        span.end();
      } catch (error) {
        span.end({}, error instanceof Error ? codeOf(error) : 'HANDLER_FAILED');
        throw error;
      }
    },
  };
}

const about = ({ id, record }: Delivered<unknown>) => ({
  'messaging.message.id': id,
  'messaging.kafka.message.key': record.key?.toString(),
});

/** The trace context in the record's header. */
const traceparentOf = ({ headers }: Received): string | undefined => headers.traceparent?.toString();
