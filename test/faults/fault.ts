import type { Kind } from './schedule.ts';
import type { World } from './world.ts';

/** A fault and how to produce it. */
export interface Fault extends Kind {
  /** Begins it. @returns what ends it */
  inject: (world: World, part: string) => Promise<() => Promise<void>>;
}
