import type { Kind } from './schedule.ts';
import type { World } from './world.ts';

/** What can go wrong, and how it is brought about. */
export interface Fault extends Kind {
  /** Begins it. @returns what ends it */
  inject: (world: World, part: string) => Promise<() => Promise<void>>;
}
