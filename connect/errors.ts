/** The connector could not be registered. The message says what is wrong and what to do. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError';
  readonly code: RegisterErrorCode;

  constructor(code: RegisterErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type RegisterErrorCode = 'PREFLIGHT_FAILED' | 'TOPIC_UNSUITABLE' | 'SCHEMA_REFUSED' | 'SCHEMA_ID_CHANGED' | 'CONNECTOR_NOT_RUNNING';
