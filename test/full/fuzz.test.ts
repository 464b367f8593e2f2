import { expect, test } from 'vitest';
import { fuzzIngest } from '../support/fuzz.ts';

test(
  '10,000 requests made from the OpenAPI document get no 5xx, and every one with a 200 is on the topic once',
  { timeout: 2_000_000 },
  async () => {
    expect(await fuzzIngest({ examples: 3500, minutes: 25 })).toBeGreaterThanOrEqual(10_000);
  },
);
