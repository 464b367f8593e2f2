import { describe, expect, test } from 'vitest';
import { faults, IngestError } from './errors.ts';

describe('faults', () => {
  test.each(Object.entries(faults))('%s has an error status and a code that is fit for a program', (code, { status }) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  });

  test('promises that a repeat may succeed exactly where the status is 408, 429 or 503', () => {
    for (const [code, { status, retryable }] of Object.entries(faults)) expect(retryable, code).toBe([408, 429, 503].includes(status));
  });
});

test('an IngestError keeps its cause apart from its message', () => {
  const cause = new Error('for the log');
  const error = new IngestError('write_refused', 'for the sender', cause);
  expect(error).toMatchObject({ name: 'IngestError', code: 'write_refused', message: 'for the sender', cause });
});
