/**
 * A server cannot be used as the settings say: it refuses the login, or TLS cannot be agreed on. The message says what
 * arrived and what to do, and holds no secret.
 */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault';
  /** A stable code: the server's name and `LOGIN`, `TLS`, … */
  readonly code: string;
  /** What to do, in one sentence. The message ends with it. */
  readonly remedy: string;

  constructor(code: string, found: string, remedy: string, cause?: unknown) {
    super(`${found}. ${remedy}`, { cause });
    this.code = code;
    this.remedy = remedy;
  }
}
