import { expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { openLoop } from './support/open-loop.ts';
import { startIngest } from './support/own-ingest.ts';
import { crawl } from './support/slow-senders.ts';
import { waitFor } from './support/wait-for.ts';

test('500 slow senders get 408 after their deadline, and others are served meanwhile', { timeout: 120_000 }, async () => {
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
    // Deadlines are checked once a second; another second is for reading the answer before the connection closes.
    expect(Math.max(...headers.map(({ ms }) => ms))).toBeLessThan(9000);
    expect(Math.max(...body.map(({ ms }) => ms))).toBeLessThan(19_000);
  } finally {
    await ingest.stop();
  }
});

test('when slow senders hold all connections, a new one is served and the slowest are closed', { timeout: 60_000 }, async () => {
  const ingest = await startIngest({ MAX_CONNECTIONS: '200' });
  const path = `/hooks/catch/${uniqueName('user')}/zap`;
  const slow = crawl(ingest.port, path, 200);
  try {
    await waitFor('200 slow senders are connected', () => slow.connected() >= 200);
    const answers = await openLoop(ingest.port, { path, body: '{}', perSecond: 20, seconds: 3 });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(slow.ended.headers.length + slow.ended.body.length).toBeGreaterThan(0);
  } finally {
    slow.stop();
    await ingest.stop();
  }
});
