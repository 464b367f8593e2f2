import type { Config } from './config.ts';

/** Where a verb writes its lines. */
export interface Output {
  say: (line: string) => void;
  warn: (line: string) => void;
}

/** What a verb does once its arguments are known. @returns the exit code: 0 done, 1 a fault was found */
export type Work = (config: Config, output: Output) => Promise<number>;

/** Given to each verb: does the work with the settings, and keeps its exit code. So help needs no settings. */
export type Run = (work: Work) => Promise<void>;

/** What the operator can do something about: shown as one line, never with a trace. */
export class OperateError extends Error {
  override readonly name: string = 'OperateError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The arguments do not fit. Ends with exit code 2. */
export class UsageError extends OperateError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super('USAGE', message);
  }
}
