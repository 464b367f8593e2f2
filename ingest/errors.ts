import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Every error answer of ingest: code → status, and whether the same request may succeed later. */
export const faults = {
  bad_request: { status: 400, retryable: false },
  invalid_json: { status: 400, retryable: false },
  invalid_form: { status: 400, retryable: false },
  invalid_encoding: { status: 400, retryable: false },
  invalid_idempotency_key: { status: 400, retryable: false },
  unauthorized: { status: 401, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  request_timeout: { status: 408, retryable: true },
  idempotency_conflict: { status: 409, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  expectation_failed: { status: 417, retryable: false },
  rate_limited: { status: 429, retryable: true },
  headers_too_large: { status: 431, retryable: false },
  internal: { status: 500, retryable: false },
  overloaded: { status: 503, retryable: true },
  backpressure: { status: 503, retryable: true },
  database_unavailable: { status: 503, retryable: true },
  outcome_unknown: { status: 503, retryable: true },
  write_refused: { status: 503, retryable: true },
  schema_unknown: { status: 503, retryable: true },
} as const satisfies Record<string, { status: ContentfulStatusCode; retryable: boolean }>;

export type FaultCode = keyof typeof faults;

/** A request that is not recorded. The message goes to the sender, the cause only to the log. */
export class IngestError extends Error {
  override readonly name = 'IngestError';
  readonly code: FaultCode;
  /** Seconds for Retry-After, when the fault is retryable. */
  readonly retryAfter: number;

  constructor(code: FaultCode, message: string, cause?: unknown, retryAfter = 1) {
    super(message, { cause });
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The body of every error answer. */
export const errorBody = (code: FaultCode, message: string, requestId: string) => ({ code, message, requestId });
