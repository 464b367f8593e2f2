import { expect, test } from 'vitest';
import type { CleanupState } from '../checks/state.ts';
import { describeCleanup } from './status.ts';

const state = (more: Partial<CleanupState>): CleanupState => ({
  ...{ stop: undefined, reconciler: { code: 'IDLE', text: 'idle: no row', seconds: 5 } },
  ...more,
});
const stopped = { stop: { code: 'TOPIC_SHRANK', detail: 'partition 0', at: new Date(0) } };
const notStarted = (seconds: number) => ({ reconciler: { code: 'NOT_STARTED', text: 'not started', seconds } });

test.each<[string, CleanupState | undefined, number | undefined, string]>([
  ['that works', state({}), 1, 'works; reconciler idle: no row'],
  ['whose process is down, whatever it wrote before', state({}), 0, 'DOES NOT RUN: nobody is in the group g'],
  ['that stopped and is down', state(stopped), 0, 'STOPPED TOPIC_SHRANK: partition 0; DOES NOT RUN: nobody is in the group g'],
  ['that stopped', state(stopped), 2, 'STOPPED TOPIC_SHRANK: partition 0; reconciler idle: no row'],
  ['while Kafka is away', state({}), undefined, 'cannot be seen without Kafka; reconciler idle: no row'],
  ['that never ran', undefined, 0, 'DOES NOT RUN: nobody is in the group g'],
  ['that begins', undefined, 1, 'has not begun'],
  ['before the first round', state(notStarted(5)), 1, 'works; reconciler starts its first round within 25 s'],
  ['whose first round is late', state(notStarted(60)), 1, 'works; reconciler has had no round for 60 s: make logs PART=cleanup'],
])('status of a cleanup %s', (_what, found, members, text) => {
  expect(describeCleanup(found, members, 'g')).toBe(text);
});
