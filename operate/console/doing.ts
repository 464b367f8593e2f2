import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { OperateError, type Work } from '../verb.ts';

/** The output of a verb, and how it ended. */
export interface Done {
  lines: string[];
  /** undefined: it was done. A stable code otherwise. */
  code: string | undefined;
}

/** Runs the work of a verb and collects its output. Never rejects: a fault becomes a code and a line. */
export async function perform(make: () => Work, config: Config): Promise<Done> {
  const lines: string[] = [];
  const output = { say: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
  try {
    const code = await make()(config, output);
    return { lines, code: code === 0 ? undefined : 'INCOMPLETE' };
  } catch (error) {
    if (error instanceof InvalidArgumentError) return { lines: [...lines, error.message], code: 'USAGE' };
    if (error instanceof OperateError) return { lines: [...lines, error.message], code: error.code };
    return { lines: [...lines, error instanceof Error ? error.message : String(error)], code: 'UNEXPECTED' };
  }
}

/** Logs one line per act: which, on what, by whom, and how it ended. */
export function logAct(log: Logger, act: string, by: string, values: Readonly<Record<string, string>>, { code, lines }: Done): void {
  const line = { act, by, values, code: code ?? 'DONE', said: lines.slice(-3) };
  if (code === undefined) log.info(line, 'act');
  else log.warn(line, 'act');
}
