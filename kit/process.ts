import { pino, type DestinationStream, type Logger } from 'pino';
import type { z } from 'zod';
import { ConnectionFault } from './connection-fault.ts';
import { loggable, settingsOrExit } from './settings.ts';

// How every service starts, stops and fails. Exit codes: 0 it was asked to stop, 1 a fault (its supervisor restarts it),
// 2 its settings or a file that they name are invalid (a restart does not help).

/** Longer than any service needs to stop, and shorter than a supervisor waits before it kills. */
const STOP_WITHIN_SECONDS = 25;
/** What the last step of a stop leaves of the time, so that it is never the step that took too long. */
const RESERVE_MS = 250;

export interface Service<S extends z.ZodObject> {
  log: Logger;
  config: Readonly<z.output<S>>;
}

/**
 * Makes the log and reads the settings of a service. An uncaught error is logged as one line, with the code of a
 * ConnectionFault, and ends the process with 1. Invalid settings are printed and end it with 2.
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
  process.on('uncaughtException', (error) => {
    if (error instanceof ConnectionFault) fail(log, error.code, error.message);
    fail(log, 'UNEXPECTED', 'an error that nothing catches', error);
  });
  log.info(loggable(schema, config), 'starting');
  return { log, config };
}

/**
 * Stops at the first SIGTERM or SIGINT: `stop` finishes running work and releases everything, and the process ends by
 * itself. A stop that takes longer is cut off, and a second signal ends the process at once; both with exit code 1.
 *
 * @param flush what comes last and may be left undone, such as sending spans. It gets what is left of the time, and then the
 *   process ends, whatever it still holds open
 */
export function stopOnSignal(
  log: Logger,
  stop: () => Promise<unknown>,
  withinSeconds = STOP_WITHIN_SECONDS,
  flush?: (withinMs: number) => Promise<unknown>,
): void {
  let stopping = false;
  async function stopAndFlush(until: number): Promise<void> {
    await stop();
    await flush?.(Math.max(0, until - performance.now()));
    log.info('stopped');
    if (flush !== undefined) process.exit(0);
  }
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    const late = setTimeout(() => fail(log, 'STOP_TOOK_TOO_LONG', `not stopped within ${withinSeconds} s`), withinSeconds * 1000);
    late.unref();
    stopAndFlush(performance.now() + withinSeconds * 1000 - RESERVE_MS).catch((error: unknown) =>
      fail(log, 'UNEXPECTED', 'an error while stopping', error),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
}

/** Ends a process that can no longer work: one log line and exit code 1. */
export function fail(log: Logger, code: string, message: string, error?: unknown): never {
  log.fatal({ code, ...(error !== undefined && { err: error }) }, message);
  process.exit(1);
}
