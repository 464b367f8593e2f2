import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { uniqueName } from './support/names.ts';
import { openLoop, quantile } from './support/open-loop.ts';
import { startIngest } from './support/own-ingest.ts';
import { waitFor } from './support/wait-for.ts';

/** One answer that a slow sender got, and how long its connection lived. */
interface Ended {
  status: number;
  ms: number;
}

/**
 * Keeps `count` connections that send a byte a second, half of them in the headers, half in the body. Who is closed is
 * replaced at once.
 */
function crawl(port: number, path: string, count: number) {
  const ended: Record<'headers' | 'body', Ended[]> = { headers: [], body: [] };
  let connected = 0;
  let stopped = false;
  const stops: (() => void)[] = [];

  function one(part: 'headers' | 'body'): void {
    const began = performance.now();
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    socket.on('connect', () => {
      connected += 1;
      socket.write(part === 'headers' ? head : `${head}Content-Length: 1000\r\n\r\n"`);
    });
    const timer = setInterval(() => socket.write(part === 'headers' ? 'x' : 'a'), 1000);
    stops.push(() => socket.destroy());
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      if (stopped) return;
      ended[part].push({ status: Number(/^HTTP\/1.1 (\d+)/.exec(received)?.[1] ?? 0), ms: performance.now() - began });
      one(part);
    });
  }
  for (let n = 0; n < count; n += 1) one(n % 2 === 0 ? 'headers' : 'body');
  return {
    ended,
    connected: () => connected,
    stop: () => {
      stopped = true;
      for (const stop of stops) stop();
    },
  };
}

test('500 slow senders are answered 408 when their time is over, and do not hurt the p99 of the others', { timeout: 120_000 }, async () => {
  const ingest = await startIngest();
  const load = {
    path: `/hooks/catch/${uniqueName('user')}/zap`,
    body: JSON.stringify({ text: 'x'.repeat(389) }),
    perSecond: 100,
    seconds: 10,
  };
  try {
    await openLoop(ingest.port, { ...load, seconds: 3 }); // Warms up.
    const alone = await openLoop(ingest.port, load);
    const slow = crawl(ingest.port, load.path, 500);
    await waitFor('500 slow senders are connected', () => slow.connected() >= 500);
    const beside = await openLoop(ingest.port, load);
    await waitFor('as many bodies as there are slow senders of them were given up', () => slow.ended.body.length >= 250, 20_000);
    slow.stop();

    for (const answers of [alone, beside]) expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const [without, with500] = [alone, beside].map((answers) =>
      quantile(
        answers.map(({ ms }) => ms),
        0.99,
      ),
    ) as [number, number];
    process.stdout.write(`p99 without slow senders ${without.toFixed(1)} ms, with 500 of them ${with500.toFixed(1)} ms\n`);
    expect(with500).toBeLessThan(2 * without + 50);

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
