import { execFile } from 'node:child_process';
import { config } from './stack.ts';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `npm run outbox -- <args>`, as a process of its own that finds the stack as an operator's would. */
export const outbox = (...args: string[]): Promise<Outcome> => outboxWith({}, ...args);

/** The same with settings of the test's choice. */
export async function outboxWith(own: Record<string, string>, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, STACK_DIR: config.STACK_DIR, ...own };
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'operate/main.ts', ...args],
      { env, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
