import { describe, expect, test } from 'vitest';
import type { SpanStart, Tracing } from '../../kit/tracing.ts';
import { unknownNames } from '../../test/support/semantic-conventions.ts';
import { NotNowError } from './errors.ts';
import { traced } from './traced.ts';
import type { Delivered } from './work-off.ts';

const contexts = [1, 2].map((n) => `00-4bf92f3577b34da6a3ce929d0e0e473${n}-00f067aa0ba902b${n}-01`);
const OWN = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const [first, second] = contexts.map((traceparent, at): Delivered<string> => {
  const headers = { traceparent: Buffer.from(traceparent) };
  return {
    event: 'an event',
    id: `id-${at}`,
    record: { topic: 't', partition: 3, offset: String(40 + at), key: Buffer.from('u/z'), value: null, headers },
  };
}) as [Delivered<string>, Delivered<string>];

function setUp(work: () => Promise<void> = () => Promise.resolve()) {
  const spans: (SpanStart & { errorType?: string | undefined; ended?: true })[] = [];
  const tracing: Tracing = {
    start: (span) => {
      const kept: (typeof spans)[number] = { ...span };
      spans.push(kept);
      return { traceparent: OWN, end: (_attributes, errorType) => Object.assign(kept, { errorType, ended: true }) };
    },
    stop: () => Promise.resolve(),
  };
  const got: (string | undefined)[] = [];
  const handleBatch = async (delivered: Delivered<string>[]) => {
    got.push(...delivered.map(({ traceparent }) => traceparent));
    await work();
  };
  return { spans, got, handler: traced({ handleBatch, batchSize: 10 }, 'a-group', tracing) };
}

describe('with tracing', () => {
  test('an event alone has a span that continues its trace, and is handed over with the context of that span', async () => {
    const { handler, spans, got } = setUp();
    await handler.handleBatch([first]);
    expect(spans).toEqual([
      {
        ...{ name: 'process t', kind: 'consumer', parent: contexts[0], errorType: undefined, ended: true },
        attributes: {
          ...{ 'messaging.system': 'kafka', 'messaging.operation.type': 'process', 'messaging.operation.name': 'process' },
          ...{ 'messaging.destination.name': 't', 'messaging.destination.partition.id': '3', 'messaging.consumer.group.name': 'a-group' },
          ...{ 'messaging.kafka.offset': 40, 'messaging.message.id': 'id-0', 'messaging.kafka.message.key': 'u/z' },
        },
      },
    ]);
    expect(got).toEqual([OWN]);
    expect(unknownNames(spans[0]?.attributes ?? {})).toEqual([]);
  });

  test('a batch has one span that links to the traces of its events, each handed over with its own context', async () => {
    const { handler, spans, got } = setUp();
    await handler.handleBatch([first, second]);
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({ links: contexts, attributes: { 'messaging.batch.message_count': 2, 'messaging.kafka.offset': 40 } });
    expect(spans[0]).not.toHaveProperty('parent');
    expect(got).toEqual(contexts);
    expect(unknownNames(spans[0]?.attributes ?? {})).toEqual([]);
  });

  test('a call that is rejected is an error with its code, and stays rejected', async () => {
    const error = new NotNowError('DATABASE_UNAVAILABLE', 'not now');
    const { handler, spans } = setUp(() => Promise.reject(error));
    await expect(handler.handleBatch([first])).rejects.toBe(error);
    expect(spans[0]).toMatchObject({ ended: true, errorType: 'DATABASE_UNAVAILABLE' });
  });
});

test('without tracing the handler is the same', () => {
  const handler = { handleBatch: () => Promise.resolve(), batchSize: 1 };
  expect(traced(handler, 'a-group', undefined)).toBe(handler);
});
