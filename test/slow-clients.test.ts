import { expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { openLoop } from './support/open-loop.ts';
import { startIngest } from './support/own-ingest.ts';
import { crawl } from './support/slow-senders.ts';
import { waitFor } from './support/wait-for.ts';

test('500 slow senders are answered 408 when their time is over, and the others are served meanwhile', { timeout: 120_000 }, async () => {
  const ingest = await startIngest();
  const load = {
    path: `/hooks/catch/${uniqueName('user')}/zap`,
    body: JSON.stringify({ text: 'x'.repeat(389) }),
    perSecond: 100,
    seconds: 10,
  };
  try {
    const slow = crawl(ingest.port, load.path, 500);
    await waitFor('500 slow senders are connected', () => slow.connected() >= 500);
    const beside = await openLoop(ingest.port, load);
    await waitFor('as many bodies as there are slow senders of them were given up', () => slow.ended.body.length >= 250, 20_000);
    slow.stop();

    expect(beside.filter(({ status }) => status !== 200)).toEqual([]);
    const { headers, body } = slow.ended;
    expect(headers.length).toBeGreaterThanOrEqual(250);
    expect(new Set([...headers, ...body].map(({ status }) => status))).toEqual(new Set([408]));
    // Looked at once a second; a second more for the answer to be read before the connection is closed.
    expect(Math.max(...headers.map(({ ms }) => ms))).toBeLessThan(9000);
    expect(Math.max(...body.map(({ ms }) => ms))).toBeLessThan(19_000);
  } finally {
    await ingest.stop();
  }
});

test('a connection beyond the limit is closed, and the others are served', { timeout: 60_000 }, async () => {
  const ingest = await startIngest({ MAX_CONNECTIONS: '20' });
  const path = `/hooks/catch/${uniqueName('user')}/zap`;
  const slow = crawl(ingest.port, path, 20);
  try {
    await waitFor('20 slow senders are connected', () => slow.connected() >= 20);
    const [refused] = await openLoop(ingest.port, { path, body: '{}', perSecond: 10, seconds: 0.1 });
    expect(refused?.status).toBe(0);
    slow.stop();
    await waitFor('a post is accepted again', async () => {
      const [answer] = await openLoop(ingest.port, { path, body: '{}', perSecond: 10, seconds: 0.1 });
      return answer?.status === 200;
    });
  } finally {
    slow.stop();
    await ingest.stop();
  }
});
