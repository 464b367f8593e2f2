import type { Config } from './config.ts';

/** One verb of the operator's command line. */
export interface Verb {
  /** The arguments after the verb, for the usage: `--zap <userId/zapId> [--dry-run]`. */
  usage: string;
  /** One line of help. */
  about: string;
  /**
   * @param args what stands behind the verb
   * @returns the exit code: 0 done, 1 a fault was found or met
   * @throws OperateError for what the operator can mend
   */
  run: (args: string[], config: Config) => Promise<number>;
}

/** What the operator can do something about: shown as one line, never with a trace. */
export class OperateError extends Error {
  override readonly name: string = 'OperateError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The arguments do not fit: what arrived and what is wanted. Ends with exit code 2. */
export class UsageError extends OperateError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super('USAGE', message);
  }
}
