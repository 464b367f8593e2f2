import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { startNode } from '../test/support/run-node.ts';

/** A service made of these lines. It logs "starting" once it has its settings, and runs until something ends it. */
function start(lines: string, env: Record<string, string> = {}) {
  const code = `
    import { setTimeout as delay } from 'node:timers/promises';
    import { z } from 'zod';
    import { fail, startService, stopOnSignal } from './kit/process.ts';
    const { log, config } = startService('a test', z.object({ A: z.coerce.number().default(1) }), process['env']);
    const timer = setInterval(() => undefined, 1000);
    ${lines}
    log.info('ready');`;
  return startNode(['--input-type=module', '-e', code], env);
}

/** Sends the signals, one after the other, once the service is ready. */
async function signalled(lines: string, ...signals: NodeJS.Signals[]) {
  const { child, ended } = start(lines);
  while (!String(await once(child.stdout!, 'data')).includes('ready'));
  for (const signal of signals) child.kill(signal);
  return ended;
}

const fatal = ({ lines }: { lines: Record<string, unknown>[] }) => lines.filter(({ level }) => level === 60);

describe('a service that is asked to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('by %s finishes running work and ends with 0', async (signal) => {
    const { code, lines, errors } = await signalled(
      `stopOnSignal(log, async () => { await delay(100); log.info('finished'); clearInterval(timer); });`,
      signal,
    );
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(lines.map(({ msg }) => msg)).toEqual(['starting', 'ready', 'finished', 'stopped']);
  });

  test('and takes too long is cut off with 1', async () => {
    const outcome = await signalled(`stopOnSignal(log, () => delay(60_000), 0.2);`, 'SIGTERM');
    expect(outcome).toMatchObject({ code: 1, errors: '' });
    expect(fatal(outcome)).toEqual([expect.objectContaining({ code: 'STOP_TOOK_TOO_LONG' })]);
  });

  test('and stopped, but still holds something open, is cut off too', async () => {
    const outcome = await signalled(`stopOnSignal(log, async () => undefined, 0.2);`, 'SIGTERM');
    expect([outcome.code, fatal(outcome).map(({ code }) => code)]).toEqual([1, ['STOP_TOOK_TOO_LONG']]);
  });

  test('gives its last step what is left of the time, and then ends with 0, whatever it holds open', async () => {
    const { code, lines } = await signalled(
      `stopOnSignal(log, () => delay(500), 1, async (withinMs) => { log.info({ withinMs }, 'flush'); await delay(withinMs); });`,
      'SIGTERM',
    );
    expect([code, ...lines.slice(2).map(({ msg }) => msg)]).toEqual([0, 'flush', 'stopped']);
    expect(lines[2]?.withinMs).toBeLessThanOrEqual(250);
  });

  test('and fails to stop ends with 1 and the error', async () => {
    const outcome = await signalled(`stopOnSignal(log, () => Promise.reject(new Error('not that')));`, 'SIGTERM');
    expect([outcome.code, fatal(outcome)]).toEqual([
      1,
      [expect.objectContaining({ code: 'UNEXPECTED', err: expect.objectContaining({ message: 'not that' }) as object })],
    ]);
  });

  test('twice ends at once', async () => {
    const outcome = await signalled(`stopOnSignal(log, () => delay(60_000));`, 'SIGTERM', 'SIGINT');
    expect([outcome.code, fatal(outcome)]).toEqual([1, []]);
  });
});

describe('an error that nothing catches', () => {
  test.each([
    ['thrown at the start', `throw new Error('no luck');`],
    ['a rejection at the start', `await Promise.reject(new Error('no luck'));`],
    ['thrown later', `setTimeout(() => { throw new Error('no luck'); });`],
    ['a rejection that nobody waits for', `void Promise.reject(new Error('no luck'));`],
  ])('%s is one line of the log with its stack, and exit code 1', async (_what, lines) => {
    const outcome = await start(lines).ended;
    expect(outcome).toMatchObject({ code: 1, errors: '' });
    expect(fatal(outcome)).toEqual([
      expect.objectContaining({
        code: 'UNEXPECTED',
        err: expect.objectContaining({ message: 'no luck', stack: expect.stringContaining('Error: no luck') as string }) as object,
      }),
    ]);
  });
});

test('invalid settings are printed, and end a service with 2', async () => {
  const outcome = await start('', { A: 'x' }).ended;
  expect(outcome).toMatchObject({ code: 2, lines: [] });
  expect(outcome.errors).toMatch(/^SETTINGS_INVALID: Invalid settings:\n {2}A is "x": /);
});
