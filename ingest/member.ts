import { IngestError } from './errors.ts';
import type { Recorded, RunEvent } from './webhook.ts';

/** One event on its way. Settled once; what comes later is dropped. */
export interface Member {
  event: RunEvent;
  /** Milliseconds of performance.now() at which its sender gets an answer at the latest. */
  deadline: number;
  /** Whether a statement with it may have reached Postgres. */
  sent: boolean;
  resolve: (recorded: Recorded) => void;
  reject: (error: IngestError) => void;
}

/** No answer of Postgres in time: certain not to be stored, unless a statement was sent. */
export function noAnswer(sent: boolean, cause?: unknown): IngestError {
  return sent
    ? new IngestError('outcome_unknown', 'Whether the webhook was stored is not known. Send it again with an Idempotency-Key.', cause)
    : new IngestError('database_unavailable', 'The webhook could not be stored. Try again.', cause);
}
