import { uniqueName } from './names.ts';
import { postInTurn } from './post.ts';
import type { Accepted } from './audit.ts';

export interface Load {
  /** How many posts were answered 200 so far. */
  accepted: () => number;
  /** Resolves when the last post was answered. */
  done: Promise<Accepted>;
}

/** Posts to `zaps` zaps of one user at once, to each one `perZap` times, every post after the answer to the one before. */
export function startLoad(zaps: number, perZap: number): Load {
  const userId = uniqueName('user');
  let accepted = 0;
  const done = Promise.all(
    Array.from({ length: zaps }, async () => {
      const zapId = uniqueName('zap');
      return [`${userId}/${zapId}`, await postInTurn(userId, zapId, perZap, () => (accepted += 1))] as const;
    }),
  );
  return { accepted: () => accepted, done: done.then((entries) => new Map(entries)) };
}
