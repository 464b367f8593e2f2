import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openHistory, opsOf, parseHistory, readHistory, spansOf, type Line } from './history.ts';

const folder = mkdtempSync(join(tmpdir(), 'history-'));
afterAll(() => rmSync(folder, { recursive: true }));

const invoke = (op: string): Line => ({ what: 'invoke', at: 1, op, zap: 'u/a', sha: 's' });
const status = (...lines: Line[]) => opsOf(lines).map((op) => op.status);

describe('what is known of an event', () => {
  test('an answer of 200 is final', () => {
    expect(
      status(invoke('a'), { what: 'unknown', at: 2, op: 'a', why: 'timeout' }, invoke('a'), { what: 'ok', at: 3, op: 'a', id: 'x' }),
    ).toEqual(['ok']);
  });

  test('a refusal of the only attempt means that it is not stored', () => {
    expect(status(invoke('a'), { what: 'refused', at: 2, op: 'a', why: 'overloaded' })).toEqual(['refused']);
  });

  test('a refusal says nothing about an earlier attempt without an answer', () => {
    const lines: Line[] = [
      invoke('a'),
      { what: 'unknown', at: 2, op: 'a', why: 'reset' },
      invoke('a'),
      { what: 'refused', at: 3, op: 'a', why: 'overloaded' },
    ];
    expect(status(...lines)).toEqual(['unknown']);
  });

  test('an attempt that was never answered may be stored', () => {
    expect(status(invoke('a'))).toEqual(['unknown']);
  });
});

describe('the file', () => {
  test('keeps the lines of several writers in order', () => {
    const path = join(folder, 'both');
    const [one, other] = [openHistory(path), openHistory(path)];
    one.say({ what: 'invoke', op: 'a', zap: 'u/a', sha: 's' });
    other.say({ what: 'inject', step: 1, fault: 'kill', part: 'kafka' });
    one.say({ what: 'ok', op: 'a', id: 'x' });
    expect(readHistory(path).map(({ what }) => what)).toEqual(['invoke', 'inject', 'ok']);
    for (const history of [one, other]) history.close();
  });

  test('with an incomplete last line is read up to it, and continues with a complete one', () => {
    const path = join(folder, 'torn');
    writeFileSync(path, `${JSON.stringify(invoke('a'))}\n{"what":"ok","op":"a"`);
    const next = openHistory(path);
    next.say({ what: 'invoke', op: 'b', zap: 'u/a', sha: 's' });
    next.close();
    expect(opsOf(readHistory(path)).map(({ op, status: known }) => [op, known])).toEqual([
      ['a', 'unknown'],
      ['b', 'unknown'],
    ]);
  });
});

test('a fault lasts until it was healed, or until the end', () => {
  const lines = parseHistory(
    [
      { what: 'inject', at: 5, step: 1, fault: 'kill', part: 'kafka' },
      { what: 'inject', at: 6, step: 2, fault: 'cut', part: 'x' },
      { what: 'heal', at: 8, step: 1 },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  expect(spansOf(lines, 100).map(({ fault, at, healedAt }) => [fault, at, healedAt])).toEqual([
    ['kill', 5, 8],
    ['cut', 6, 100],
  ]);
});
