import { expect, test } from 'vitest';
import { makeSchedule, parseSchedule, type Kind } from './schedule.ts';

const kinds: Kind[] = [
  { name: 'kill', parts: ['postgres', 'kafka', 'connect'], holdMs: [0, 0] },
  { name: 'freeze', parts: ['postgres', 'kafka'], holdMs: [1000, 5000] },
  { name: 'slot-drop', parts: [''], holdMs: [0, 0] },
];
const wanted = { seed: 7, events: 1000, kills: 6, others: 3, always: ['slot-drop'] };

test('the same seed gives the same schedule, and another seed another one', () => {
  expect(makeSchedule(kinds, wanted)).toEqual(makeSchedule(kinds, wanted));
  expect(makeSchedule(kinds, wanted)).not.toEqual(makeSchedule(kinds, { ...wanted, seed: 8 }));
});

test('with twice as many kills as parts each part is killed twice', () => {
  const killed = makeSchedule(kinds, wanted).filter(({ fault }) => fault === 'kill');
  expect(killed.map(({ part }) => part).sort()).toEqual(['connect', 'connect', 'kafka', 'kafka', 'postgres', 'postgres']);
});

test('faults of every run appear once, and the other faults as often as requested', () => {
  const faults = makeSchedule(kinds, wanted).map(({ fault }) => fault);
  expect(faults.filter((fault) => fault === 'slot-drop')).toHaveLength(1);
  expect(faults.filter((fault) => fault === 'freeze')).toHaveLength(3);
});

test('the faults are spread over the events and last as long as their kind allows', () => {
  const steps = makeSchedule(kinds, wanted);
  expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).toSorted((a, b) => a - b));
  expect(steps.at(-1)?.at).toBeLessThan(1000);
  for (const { fault, holdMs } of steps) if (fault === 'freeze') expect(holdMs).toSatisfy((ms: number) => ms >= 1000 && ms <= 5000);
});

test('a schedule can be written by hand', () => {
  expect(parseSchedule('freeze:kafka:8&, slot-drop, kill:connect.', kinds, 300)).toMatchObject([
    { step: 1, at: 50, fault: 'freeze', part: 'kafka', holdMs: 8000, then: 'overlap' },
    { step: 2, at: 150, fault: 'slot-drop', part: '', holdMs: 0, then: 'go on' },
    { step: 3, at: 250, fault: 'kill', part: 'connect', holdMs: 0, then: 'rest' },
  ]);
  expect(() => parseSchedule('kill:nobody', kinds, 300)).toThrow('kill needs one of: postgres, kafka, connect');
});
