import { setTimeout as delay } from 'node:timers/promises';
import type { Accepted } from './audit.ts';
import { uniqueName } from './names.ts';

/** The pace of each zap. */
const PAUSE_MS = 40;

export interface SteadyLoad {
  /** Where the next posts go, in turn. */
  targets: readonly string[];
  /** How many posts were answered 200 so far, in all or by one target. */
  accepted: (target?: string) => number;
  /** Every other outcome of a post. No post is repeated. */
  readonly refused: string[];
  /** Ends the posts. @returns what was accepted */
  stop: () => Promise<Accepted>;
}

/** Posts to the zaps of one user at once, each post of a zap after the answer to the one before, until it is stopped. */
export function startSteadyLoad(zaps: number, targets: readonly string[], userId = uniqueName('user')): SteadyLoad {
  const stopping = new AbortController();
  const counts = new Map<string, number>();
  let posted = 0;

  async function postTo(zapId: string): Promise<string[]> {
    const ids: string[] = [];
    while (!stopping.signal.aborted) {
      const target = load.targets[posted++ % load.targets.length] ?? '';
      try {
        const response = await fetch(`${target}/hooks/catch/${userId}/${zapId}`, {
          ...{ method: 'POST', body: JSON.stringify({ n: ids.length }), signal: AbortSignal.timeout(10_000) },
          headers: { 'content-type': 'application/json' },
        });
        const body = (await response.json()) as { id?: string };
        if (response.status === 200 && body.id !== undefined) ids.push(body.id);
        else load.refused.push(`${target}: ${response.status} ${JSON.stringify(body)}`);
        if (response.status === 200) counts.set(target, (counts.get(target) ?? 0) + 1);
      } catch (error) {
        load.refused.push(`${target}: ${String(error)} ${String((error as Error).cause)}`);
      }
      await delay(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    return ids;
  }

  const load: SteadyLoad = {
    targets,
    refused: [],
    accepted: (target) => (target === undefined ? [...counts.values()].reduce((sum, count) => sum + count, 0) : (counts.get(target) ?? 0)),
    stop: async () => {
      stopping.abort();
      return new Map(await done);
    },
  };
  const names = Array.from({ length: zaps }, () => uniqueName('zap'));
  const done = Promise.all(names.map(async (zapId) => [`${userId}/${zapId}`, await postTo(zapId)] as const));
  return load;
}
