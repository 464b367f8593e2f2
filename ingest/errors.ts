import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Everything ingest answers that is not 200: code → status and whether the same request may succeed later. */
export const faults = {
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  invalid_json: { status: 400, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  overloaded: { status: 503, retryable: true },
  database_unavailable: { status: 503, retryable: true },
  write_refused: { status: 503, retryable: true },
  schema_unknown: { status: 503, retryable: true },
  internal: { status: 500, retryable: false },
} as const satisfies Record<string, { status: ContentfulStatusCode; retryable: boolean }>;

export type FaultCode = keyof typeof faults;

/** A request that is not recorded. The message goes to the sender, the cause only to the log. */
export class IngestError extends Error {
  override readonly name = 'IngestError';
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
