import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { untilRunning } from '../support/connector.ts';
import { expectFound, untilFound } from '../support/doctor.ts';
import { start, stop, untilUp } from '../support/stack.ts';
import { startWorker } from '../support/worker.ts';

beforeAll(() => stop('connect'));
afterAll(async () => {
  await start('connect');
  await untilUp('connect');
  await untilRunning();
});

test.runIf(inject('way') === 'embedded')(
  'weak OFFSET_FLUSH: the worker stores its position every 20 seconds, which only the position shows',
  { timeout: 480_000 },
  async () => {
    let end: (() => Promise<void>) | undefined;
    const worker = async (flushMs: number) => {
      await end?.();
      end = await startWorker((properties) => {
        expect(properties).toContain('offset.flush.interval.ms=1000');
        return properties.replace('offset.flush.interval.ms=1000', `offset.flush.interval.ms=${flushMs}`);
      });
    };
    try {
      await expectFound(
        'weak OFFSET_FLUSH',
        async () => {
          await worker(20_000);
          await untilFound('weak OFFSET_FLUSH', 240_000);
        },
        () => worker(1000),
      );
    } finally {
      await end?.();
    }
  },
);
