import type { AdministratorConfig, Config } from './config.ts';

/** Where a verb writes its lines. */
export interface Output {
  say: (line: string) => void;
  warn: (line: string) => void;
}

/** The work of a verb with parsed arguments. @returns the exit code: 0 done, 1 a fault was found */
export type Work<C = Config> = (config: C, output: Output) => Promise<number>;

/** Passed to each verb: runs the work with the settings and keeps its exit code, so that help needs no settings. */
export type Run<C = Config> = (work: Work<C>) => Promise<void>;

/** The settings of the verbs, read when a verb runs. */
export interface Readers {
  operator: () => Config;
  administrator: () => AdministratorConfig;
}

/** An error that an operator can act on. It is printed as one line, without a stack trace. */
export class OperateError extends Error {
  override readonly name: string = 'OperateError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The arguments are invalid. Ends with exit code 2. */
export class UsageError extends OperateError {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super('USAGE', message);
  }
}
