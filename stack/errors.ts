/** What the person who runs the stack can do something about: shown as one line, never with a trace. */
export class StackError extends Error {
  override readonly name = 'StackError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
