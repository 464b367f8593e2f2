import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { databaseUrl } from '../stack/config.ts';
import { freePorts } from './support/free-ports.ts';
import { metricSum } from './support/metrics.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { startProxy } from './support/proxy.ts';
import { startCleanup, startWatch } from './support/services.ts';
import { config, query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// A link that dies silently: no error, no end, no answer, while new connections work.

beforeAll(() => stop('cleanup', 'watch'));
afterAll(async () => {
  await start('cleanup', 'watch');
  await untilUp('cleanup', 'watch');
});

const through = (port: number, login: 'cleanup' | 'operator') => {
  const url = new URL(databaseUrl(config, login));
  url.port = String(port);
  return url.href;
};

const rowsOf = async (userId: string) => (await query('SELECT FROM zap_run_outbox WHERE aggregateid LIKE $1', [`${userId}/%`])).length;

test(
  'cleanup continues within half a minute, and another copy reconciles, when its connections to Postgres die silently',
  { timeout: 180_000 },
  async () => {
    const proxy = await startProxy(config.POSTGRES_PORT);
    onTestFinished(() => proxy.close());
    const [port = 0] = await freePorts(1);
    const cleanup = await startCleanup({
      DATABASE_URL: through(proxy.port, 'cleanup'),
      METRICS_PORT: String(port),
      RESEND_AFTER_SECONDS: '2',
    });
    onTestFinished(cleanup.stop);
    const userId = uniqueName('user');
    await postInTurn(userId, 'z', 20);
    await waitFor('it cleans', async () => (await rowsOf(userId)) === 0, 60_000);
    const holders = () =>
      query<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = 'outbox')`,
      );
    const [before] = await waitFor('it reconciles', async () => ((await holders()).length === 1 ? holders() : undefined), 60_000);
    proxy.silenceAll();
    await postInTurn(userId, 'z', 20);
    const began = performance.now();
    await waitFor('it cleans again', async () => (await rowsOf(userId)) === 0, 60_000);
    expect(performance.now() - began).toBeLessThan(30_000);
    await waitFor('the lock has another holder', async () => (await holders()).some(({ pid }) => pid !== before?.pid), 100_000);
    await waitFor('it is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    expect(cleanup.log()).not.toContain('CLEANUP_STALLED');
  },
);

test('the watchdog continues when its connections to Postgres die silently', { timeout: 90_000 }, async () => {
  const proxy = await startProxy(config.POSTGRES_PORT);
  onTestFinished(() => proxy.close());
  const watch = await startWatch({ DATABASE_URL: through(proxy.port, 'operator'), WATCH_EVERY_MS: '500' });
  onTestFinished(watch.stop);
  const rounds = () => metricSum(watch.port, 'outbox_watch_rounds_total');
  await waitFor('a few rounds', async () => (await rounds()) > 2, 30_000);
  const before = await rounds();
  proxy.silenceAll();
  await waitFor('more rounds', async () => (await rounds()) > before + 2, 30_000);
});
