/** An error that the user of the stack can act on. It is printed as one line, without a stack trace. */
export class StackError extends Error {
  override readonly name = 'StackError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
