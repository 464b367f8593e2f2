/** A record that can never be handled: it goes to the dead letters at once. */
export class PoisonError extends Error {
  override readonly name: string = 'PoisonError';
  /** A stable code, which becomes the dead letter's reason. */
  readonly code: PoisonCode;

  constructor(code: PoisonCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * A passing fault that is not the record's: a service that the handling needs is away. The record waits, however long
 * it takes. It is not committed and never becomes a dead letter.
 */
export class NotNowError extends Error {
  override readonly name: string = 'NotNowError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type PoisonCode =
  /** The value is not in Confluent's wire format, or its Avro does not match its schema. */
  | 'DECODE_FAILED'
  /** The registry answers that it has no schema with the record's id. */
  | 'SCHEMA_UNKNOWN'
  /** The record's schema cannot be read with the pinned one. */
  | 'SCHEMA_UNREADABLE'
  /** Not exactly one header `id`: the record was not made by the outbox. */
  | 'ID_HEADER'
  /** The handler refuses the record. */
  | 'REFUSED';
