import { IngestError } from '../../ingest/errors.ts';

/** The code of the IngestError that `act` throws; undefined when it throws nothing. */
export function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof IngestError) return error.code;
    throw error;
  }
  return undefined;
}
