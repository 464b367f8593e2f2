import type { IHeaders, Message } from 'kafkajs';
import { codeOf, type Received } from './work-off.ts';

/** A bound on the cause, as a dead letter must fit where its record did. */
const MAX_CAUSE_CHARACTERS = 500;

export interface Burial {
  groupId: string;
  error: Error;
  attempts: number;
}

/** The unchanged record (key, value, headers) with more headers: where it came from and why it is here. */
export function deadLetter({ topic, partition, offset, key, value, headers }: Received, { groupId, error, attempts }: Burial): Message {
  return {
    key,
    value,
    headers: {
      ...withValues(headers),
      'dead-letter-reason': codeOf(error),
      'dead-letter-cause': error.message.slice(0, MAX_CAUSE_CHARACTERS),
      'dead-letter-topic': topic,
      'dead-letter-partition': String(partition),
      'dead-letter-offset': offset,
      'dead-letter-group': groupId,
      'dead-letter-attempts': String(attempts),
    },
  };
}

/** Kafka knows headers without a value (an event without a traceparent has one), but kafkajs can only read them. */
function withValues(headers: IHeaders): IHeaders {
  return Object.fromEntries(
    Object.entries<IHeaders[string] | null>(headers).filter((header): header is [string, Buffer] => header[1] != null),
  );
}
