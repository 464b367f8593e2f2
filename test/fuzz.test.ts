import { expect, test } from 'vitest';
import { fuzzIngest } from './support/fuzz.ts';

test(
  '500 requests made from the OpenAPI document get no 5xx, and every one with a 200 is on the topic once',
  { timeout: 700_000 },
  async () => {
    expect(await fuzzIngest({ examples: 150, minutes: 8, seed: 1 })).toBeGreaterThanOrEqual(500);
  },
);
