import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Violation } from './facts.ts';
import type { Row } from './report.ts';
import { keepResult, matrixOf, readResults, type Result } from './results.ts';

const row: Row = {
  ...{ fault: 'kill kafka', times: 1, accepted: 10, refused: 1, unknown: 0, lost: 0, repeated: 2, reordered: 0, early: 0, actions: 0 },
  ...{ emptyAfter: 1.5, quickAfter: undefined },
};
const result = (seed: number, rows: Row[], violations: Violation[] = []): Result => ({
  ...{ date: '2026-11-25T10:00:00.000Z', machine: 'a machine', settings: { seed }, seconds: 60, records: 12, repeats: 2, calls: 20 },
  ...{ rows, violations },
});

test('the rows of one fault add up over the runs, and the longest times stay', () => {
  const matrix = matrixOf([result(1, [row]), result(2, [{ ...row, emptyAfter: 3, quickAfter: 4 }])]);
  expect(matrix).toMatch(
    /^`PROFILE=single`: 2 runs, 2026-11-25, on a machine: 20 events, 2 faults, 4 repeats, 2 minutes\. Every promise held/,
  );
  expect(matrix).toMatch(/\| kill kafka \| +2 \| +20 \| +2 \| +0 \| +0 \| +4 \| +0 \| +0 \| +0 \| +3\.0 \| +4 \|/);
});

test('each profile has a table of its own', () => {
  const cluster = { ...result(2, [{ ...row, fault: 'kill kafka-2' }]), settings: { profile: 'cluster', seed: 2 } };
  const [single = '', other = ''] = matrixOf([result(1, [row]), cluster]).split('`PROFILE=cluster`: 1 runs');
  expect(single).toContain('| kill kafka ');
  expect(single).not.toContain('kafka-2');
  expect(other).toContain('| kill kafka-2 ');
});

test('a run with a broken promise is listed with its seed', () => {
  expect(matrixOf([result(7, [row], [{ invariant: 'I1', says: 'lost' }])])).toContain('Seed 7: I1 lost');
});

test('stored figures are read back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'results-'));
  try {
    expect(readResults(join(folder, 'nothing yet'))).toEqual([]);
    keepResult(folder, 'single-1', result(1, [{ ...row, quickAfter: 2 }]));
    expect(readResults(folder)).toEqual([result(1, [{ ...row, quickAfter: 2 }])]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
