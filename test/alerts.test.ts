import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPrometheus } from '../stack/prometheus.ts';
import { outbox } from './support/operate.ts';
import { uniqueName } from './support/names.ts';
import { postInTurn } from './support/post.ts';
import { config, query, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// A real Prometheus with the real rules on the running stack: the test produces the cause, and the alert fires. Only the
// time that a cause must last is shortened.

const installed = spawnSync('prometheus', ['--version']).error === undefined;
let prometheus: ReturnType<typeof startPrometheus> | undefined;

beforeAll(async () => {
  if (!installed) return;
  prometheus = startPrometheus(config, (rules) => rules.replace(/for: \d+[mh]/g, 'for: 1s'));
  await waitFor(
    'Prometheus sees every part',
    async () => (await ask<{ data: { result: unknown[] } }>('query?query=up==1')).data.result.length === 5,
  );
});
afterAll(async () => {
  if (prometheus === undefined) return;
  const ended = new Promise((resolve) => prometheus?.once('exit', resolve));
  prometheus.kill('SIGTERM');
  await ended;
});

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${config.PROMETHEUS_PORT}/api/v1/${path}`, { signal: AbortSignal.timeout(5000) });
  return (await response.json()) as T;
}
interface Alerts {
  data: { alerts: { state: string; labels: Record<string, string> }[] };
}
const firing = async () =>
  (await ask<Alerts>('alerts')).data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? '');
const untilFires = (name: string) => waitFor(`${name} fires`, async () => (await firing()).includes(name), 45_000);
const untilSilent = (name: string) => waitFor(`${name} is silent`, async () => !(await firing()).includes(name), 60_000);

test.skipIf(!installed)('a stopped part fires OutboxPartDown until it runs again', { timeout: 150_000 }, async () => {
  await stop('consumer');
  try {
    await untilFires('OutboxPartDown');
  } finally {
    await start('consumer');
    await untilUp('consumer');
  }
  await untilSilent('OutboxPartDown');
});

test.skipIf(!installed)('events that wait behind a pause fire OutboxPausedForLong and OutboxOldestRow', { timeout: 200_000 }, async () => {
  const userId = uniqueName('user');
  expect((await outbox('pause', '--because', 'a test')).code).toBe(0);
  try {
    await postInTurn(userId, 'z', 3);
    // The same rows, as if they had been committed ten minutes ago.
    await query(
      `WITH row AS (DELETE FROM zap_run_outbox WHERE aggregateid = $1 RETURNING *)
       INSERT INTO zap_run_outbox (id, aggregatetype, aggregateid, type, payload, created_at)
       SELECT id, aggregatetype, aggregateid, type, payload, now() - interval '10 minutes' FROM row`,
      [`${userId}/z`],
    );
    await untilFires('OutboxPausedForLong');
    await untilFires('OutboxOldestRow');
    expect(await firing()).not.toContain('OutboxConnectorNotRunning');
  } finally {
    expect((await outbox('resume')).code).toBe(0);
  }
  await untilSilent('OutboxOldestRow');
});

test.skipIf(!installed)('a cleanup that has stopped fires OutboxCleanupStopped', { timeout: 150_000 }, async () => {
  await query(`UPDATE cleanup_state SET stop_code = 'TOPIC_SHRANK', stop_detail = 'a test', stopped_at = now()`);
  try {
    await untilFires('OutboxCleanupStopped');
    await untilFires('OutboxAlarmRaised');
  } finally {
    await query('UPDATE cleanup_state SET stop_code = NULL, stop_detail = NULL, stopped_at = NULL');
  }
  await untilSilent('OutboxCleanupStopped');
});

test.skipIf(!installed)('a call that was given up fires OutboxActionDeadLetters', { timeout: 150_000 }, async () => {
  const target = uniqueName('target');
  const [id] = await postInTurn(uniqueName('user'), 'z', 1);
  await query(`INSERT INTO actions.event (id, zap, body) VALUES ($1, 'u/z', 'x') ON CONFLICT DO NOTHING`, [id]);
  await query(`INSERT INTO actions.delivery (event_id, target, state, due_at) VALUES ($1, $2, 'dead', now())`, [id, target]);
  try {
    await untilFires('OutboxActionDeadLetters');
  } finally {
    await query('DELETE FROM actions.delivery WHERE target = $1', [target]);
  }
});
