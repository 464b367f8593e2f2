import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { databaseUrl } from '../../stack/config.ts';
import { uniqueName } from '../support/names.ts';
import { openLoop, quantile } from '../support/open-loop.ts';
import { startIngest } from '../support/own-ingest.ts';
import { startProxy } from '../support/proxy.ts';
import { config, query } from '../support/stack.ts';

const CAPACITY = 1000;
/** Two groups of 256 at a time: a delay of half a second in front of Postgres leaves about a thousand a second. */
const DELAY_MS = 500;
const SECONDS = 60;

const residentMb = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

test(
  'at five times what Postgres takes, at least 80 % of it is still stored, the rest is refused within 100 ms, and memory stays flat',
  { timeout: 240_000 },
  async () => {
    const proxy = await startProxy(config.POSTGRES_PORT);
    const through = databaseUrl({ ...config, POSTGRES_PORT: proxy.port }, 'ingest');
    const ingest = await startIngest({ DATABASE_URL: through });
    const userId = uniqueName('user');
    const load = { path: `/hooks/catch/${userId}/zap`, body: JSON.stringify({ text: 'x'.repeat(389) }) };
    const memory: number[] = [];
    const watching = setInterval(() => memory.push(residentMb(ingest.pid)), 1000);
    try {
      await openLoop(ingest.port, { ...load, perSecond: 500, seconds: 5 }); // Warms up, at full speed.
      proxy.delayMs = DELAY_MS;
      // What it takes when a little more than it can take is on offer.
      const measured = await openLoop(ingest.port, { ...load, perSecond: CAPACITY * 1.2, seconds: 15 });
      const capacity = measured.filter(({ status }) => status === 200).length / 15;
      memory.length = 0;
      const answers = await openLoop(ingest.port, { ...load, perSecond: CAPACITY * 5, seconds: SECONDS });
      const stored = answers.filter(({ status }) => status === 200);
      const refused = answers.filter(({ status }) => status !== 200);
      const goodput = stored.length / SECONDS;
      const figures = {
        capacity,
        goodput,
        storedP99: quantile(
          stored.map(({ ms }) => ms),
          0.99,
        ),
        refusedP50: quantile(
          refused.map(({ ms }) => ms),
          0.5,
        ),
        refusedP99: quantile(
          refused.map(({ ms }) => ms),
          0.99,
        ),
        memory: [memory[10], memory.at(-1), Math.max(...memory)].map((mb) => Math.round(mb ?? NaN)),
        stored: stored.length,
        refused: refused.length,
      };
      process.stdout.write(`${JSON.stringify(figures)}\n`);

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
      expect(capacity).toBeGreaterThan(0.8 * CAPACITY);
      expect(goodput).toBeGreaterThanOrEqual(0.8 * capacity);
      expect(figures.refusedP99).toBeLessThan(100);
      // Senders wait for no longer than the contract says.
      expect(figures.storedP99).toBeLessThan(3000);
      expect(memory.at(-1)).toBeLessThan((memory[10] ?? NaN) * 1.25 + 20);

      proxy.delayMs = 0;
      const after = await openLoop(ingest.port, { ...load, perSecond: 200, seconds: 5 });
      expect(after.slice(400).filter(({ status }) => status !== 200)).toEqual([]);
      const [{ n } = { n: '0' }] = await query<{ n: string }>('SELECT count(*) AS n FROM zap_run WHERE user_id = $1', [userId]);
      expect(Number(n)).toBeGreaterThanOrEqual(stored.length);
    } finally {
      clearInterval(watching);
      await ingest.stop();
      await proxy.close();
    }
  },
);
