import { expect, test } from 'vitest';
import { actionService, actionTarget } from '../support/action-service.ts';
import { uniqueName } from '../support/names.ts';
import { postUntilAccepted } from '../support/post.ts';
import { query } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const EVENTS = 10_000;
const POSTING_AT_ONCE = 32;
/** Every fiftieth event is always refused. */
const isRefused = (n: number) => n % 50 === 0;
/** Every tenth answer to the other events is an error. */
const failsAt = (n: number, attempt: number) => isRefused(n) || (n + 3 * attempt) % 10 === 0;

test(
  'each of ten thousand events, with a tenth of failing answers and a kill -9, ends in a 2xx or a dead delivery, counted at the target',
  { timeout: 1_200_000 },
  async () => {
    const [user, name] = [uniqueName('user'), uniqueName('many')];
    const calls = new Map<string, number>();
    const accepted = new Map<string, number>();
    const target = await actionTarget(({ id, body }, response) => {
      const { n } = (JSON.parse(body) as { data: { metadata: { n: number } } }).data.metadata;
      const attempt = (calls.get(id) ?? 0) + 1;
      calls.set(id, attempt);
      const fails = failsAt(n, attempt);
      if (!fails) accepted.set(id, (accepted.get(id) ?? 0) + 1);
      response.writeHead(fails ? 500 : 204).end();
    });
    const service = await actionService(
      { [name]: { zap: `${user}/*`, url: target.url, secrets: ['env:SECRET'], timeoutSeconds: 15 } },
      { RETRY_SCHEDULE: '200ms,400ms,800ms', LEASE_SECONDS: '20' },
    );

    const ids = new Map<number, string>();
    const post = async (from: number) => {
      for (let n = from; n < EVENTS; n += POSTING_AT_ONCE) ids.set(n, await postUntilAccepted(user, `z${n % 20}`, JSON.stringify({ n })));
    };
    const posting = Promise.all(Array.from({ length: POSTING_AT_ONCE }, (_, from) => post(from)));
    await waitFor('a third is called', () => calls.size > EVENTS / 3, 600_000);
    await service.kill();
    await service.start();
    await posting;

    const rows = () =>
      query<{ event_id: string; state: string }>('SELECT event_id, state FROM actions.delivery WHERE target = $1', [name], 'postgres');
    const ended = await waitFor(
      'every call has ended',
      async () => {
        const found = await rows();
        return found.length === EVENTS && found.every(({ state }) => state !== 'pending') ? found : undefined;
      },
      600_000,
    );
    const dead = ended.filter(({ state }) => state === 'dead').map(({ event_id }) => `${event_id}_${name}`);
    const delivered = ended.filter(({ state }) => state === 'delivered').map(({ event_id }) => `${event_id}_${name}`);
    const expectedDead = [...ids].filter(([n]) => isRefused(n)).map(([, id]) => `${id}_${name}`);
    expect(dead.toSorted()).toEqual(expectedDead.toSorted());
    // The tables match exactly what the target received.
    expect(delivered.toSorted()).toEqual([...accepted.keys()].toSorted());
    expect(new Set([...calls.keys()])).toEqual(new Set([...ids.values()].map((id) => `${id}_${name}`)));
    // Only the kill causes repeats of a 2xx: calls in flight, and answers that were not stored yet.
    const repeats = [...accepted.values()].reduce((sum, times) => sum + times - 1, 0);
    expect(repeats).toBeLessThan(100);
  },
);
