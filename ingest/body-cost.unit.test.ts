import { expect, test } from 'vitest';
import { cpuMs, MAX_CPU_MS } from '../test/support/body-cost.ts';
import { shapes } from '../test/support/body-shapes.ts';

test.each(Object.entries(shapes))(`a body of 512 KB costs at most ${MAX_CPU_MS} ms of CPU: %s`, (_name, shape) => {
  const { ms, outcome } = cpuMs(shape);
  expect(ms, outcome).toBeLessThan(MAX_CPU_MS);
});
