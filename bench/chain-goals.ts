import { atLeast, atMost, type Goal, type Spread } from './figures.ts';

/** Of `npm run bench:chain`: what it measured → its goals. */
export const chainGoals = ({ deleted, idleShare }: { deleted: Spread; idleShare: number }): Goal[] => [
  atLeast('events deleted per second', deleted.median, 8000),
  atMost('idle stack, share of a core', idleShare, 0.1, 2),
];
