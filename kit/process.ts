import { pino, type DestinationStream, type Logger } from 'pino';
import type { z } from 'zod';
import { loggable, settingsOrExit } from './settings.ts';

// How every service starts, stops and fails. Exit codes: 0 it was asked to stop, 1 a fault (its supervisor starts it
// again), 2 its settings or a file that they name are invalid (a restart changes nothing).

/** Longer than what any service needs to stop, shorter than the time after which a supervisor kills it. */
const STOP_WITHIN_SECONDS = 25;

export interface Service<S extends z.ZodObject> {
  log: Logger;
  config: Readonly<z.output<S>>;
}

/**
 * The log and the settings of a service. An error that nothing catches becomes one line of the log, exit code 1;
 * settings that do not fit are printed, exit code 2.
 *
 * @param destination of the log; stdout when not given
 */
export function startService<S extends z.ZodObject>(
  name: string,
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
  destination?: DestinationStream,
): Service<S> {
  const log = destination === undefined ? pino({ name }) : pino({ name }, destination);
  const config = settingsOrExit(schema, env);
  process.on('uncaughtException', (error) => fail(log, 'UNEXPECTED', 'an error that nothing catches', error));
  log.info(loggable(schema, config), 'starting');
  return { log, config };
}

/**
 * At the first SIGTERM or SIGINT: `stop` finishes what was begun and lets go of everything, and the process ends by
 * itself. What takes longer is cut off, and a second signal ends it at once; both with exit code 1.
 */
export function stopOnSignal(log: Logger, stop: () => Promise<unknown>, withinSeconds = STOP_WITHIN_SECONDS): void {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    const late = setTimeout(() => fail(log, 'STOP_TOOK_TOO_LONG', `not stopped within ${withinSeconds} s`), withinSeconds * 1000);
    late.unref();
    stop().then(
      () => log.info('stopped'),
      (error: unknown) => fail(log, 'UNEXPECTED', 'an error while stopping', error),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
}

/** For what makes the process useless: one line of the log, and exit code 1. */
export function fail(log: Logger, code: string, message: string, error?: unknown): never {
  log.fatal({ code, ...(error !== undefined && { err: error }) }, message);
  process.exit(1);
}
