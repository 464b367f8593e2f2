import { IngestError } from './errors.ts';
import type { Recorded, RunEvent } from './webhook.ts';

/** One event that waits to be stored. It is settled once; later results are dropped. */
export interface Member {
  event: RunEvent;
  /** Deadline for answering the sender (performance.now(), ms). */
  deadline: number;
  /** Whether a statement with it may have reached Postgres. */
  sent: boolean;
  resolve: (recorded: Recorded) => void;
  reject: (error: IngestError) => void;
}

/** The error when Postgres does not answer in time. The event is certainly not stored unless a statement was sent. */
export function noAnswer(sent: boolean, cause?: unknown): IngestError {
  return sent
    ? new IngestError('outcome_unknown', 'It is unknown whether the webhook was stored. Send it again with an Idempotency-Key.', cause)
    : new IngestError('database_unavailable', 'The webhook could not be stored. Try again.', cause);
}
