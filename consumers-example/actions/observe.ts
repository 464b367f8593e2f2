import type { Logger } from 'pino';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Attempted } from './attempt.ts';
import type { Depth } from './deliveries.ts';

/** The tables are counted at most this often, however frequent the scrapes are. */
const COUNT_EVERY_MS = 5000;

/**
 * The metrics of the calls, and one log line per attempt. Neither has a body, a URL or a secret.
 *
 * @returns reports an attempt
 */
export function createObserver(registry: Registry, log: Logger, inFlight: () => number, count: () => Promise<Depth[]>) {
  const registers = [registry];
  const attempts = new Counter({
    ...{
      name: 'outbox_actions_attempts_total',
      help: 'Calls by target and answer: 2xx, 3xx, 4xx, 5xx, timeout, network, blocked',
      registers,
    },
    labelNames: ['target', 'answer'] as const,
  });
  const seconds = new Histogram({
    ...{ name: 'outbox_actions_attempt_seconds', help: 'From the beginning of a call to its answer', registers },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
  });
  new Gauge({
    ...{ name: 'outbox_actions_in_flight', help: 'Calls that wait for an answer', registers },
    collect() {
      this.set(inFlight());
    },
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers, labelNames: ['target'] as const });
  const fresh = gauge('outbox_actions_waiting', 'Calls that are due and were not tried yet');
  const dead = gauge('outbox_actions_dead_deliveries', 'Calls that were given up, until an operator replays or discards them');
  let countedAt = -Infinity;
  const retrying: Gauge<'target'> = new Gauge({
    ...{ name: 'outbox_actions_retrying', help: 'Calls that failed and will be tried again', registers },
    labelNames: ['target'] as const,
    async collect() {
      if (performance.now() - countedAt < COUNT_EVERY_MS) return;
      countedAt = performance.now();
      const depths = await count().catch((error: unknown) => log.warn({ cause: String(error) }, 'the calls cannot be counted'));
      if (depths === undefined) return;
      for (const one of [fresh, dead, retrying]) one.reset();
      for (const depth of depths) {
        fresh.set({ target: depth.target }, depth.fresh);
        retrying.set({ target: depth.target }, depth.retrying);
        dead.set({ target: depth.target }, depth.dead);
      }
    },
  });

  return ({ outcome, answer, seconds: took }: Attempted) => {
    const { delivery, state, delayMs, disables, status, error } = outcome;
    const { eventId, zap, target } = delivery;
    attempts.inc({ target, answer });
    seconds.observe(took);
    log[state === 'dead' ? 'warn' : 'info'](
      {
        ...{ eventId, zap, target, attempt: delivery.attempts + 1, answer, state, ms: Math.round(took * 1000) },
        ...(status === null ? {} : { status }),
        ...(error === null ? {} : { cause: error }),
        ...(state === 'pending' ? { againInMs: delayMs } : {}),
        ...(disables ? { disables } : {}),
      },
      'attempt',
    );
  };
}
