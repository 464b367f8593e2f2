import { beforeAll, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { actionService, actionTarget } from '../support/action-service.ts';
import { lagOf } from '../support/consumer.ts';
import { buildJaeger, startJaeger } from '../support/jaeger.ts';
import { uniqueName } from '../support/names.ts';
import { startIngest } from '../support/own-ingest.ts';
import { waitFor } from '../support/wait-for.ts';

beforeAll(buildJaeger, 1_800_000);

test('Jaeger shows a webhook as one trace, from its POST to the call of its target', { timeout: 180_000 }, async () => {
  const jaeger = await startJaeger();
  // The encoding is the default one.
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.endpoint, OTEL_BSP_SCHEDULE_DELAY: '100' };
  const user = uniqueName('user');
  const target = await actionTarget();
  const targets = { [uniqueName('target')]: { zap: `${user}/*`, url: target.url, secrets: ['env:SECRET'], timeoutSeconds: 1 } };
  const { groupId } = await actionService(targets, env);
  await waitFor('the action consumer has caught up', async () => (await lagOf(groupId, EVENT_TOPIC)) === 0, 60_000);
  const ingest = await startIngest(env);
  try {
    const response = await fetch(`${ingest.url}/hooks/catch/${user}/z`, { method: 'POST', body: '{}' });
    const { id } = (await response.json()) as { id: string };
    const spans = await waitFor('Jaeger has all spans', async () => {
      const found = await jaeger.spansOf(id.replaceAll('-', ''));
      return found.length >= 3 ? found : undefined;
    });
    const named = (name: string) => spans.find((one) => one.name === name);
    const [request, handled, call] = [named('POST /hooks/catch/{userId}/{zapId}'), named(`process ${EVENT_TOPIC}`), named('POST')];
    expect(spans).toHaveLength(3);
    expect(request).toMatchObject({ service: 'ingest', parent: undefined });
    expect(handled).toMatchObject({ service: 'actions', parent: request?.id });
    expect(call).toMatchObject({ service: 'actions', parent: handled?.id });
    const [arrived] = target.arrived;
    expect(arrived?.headers.traceparent).toBe(`00-${id.replaceAll('-', '')}-${call?.id}-01`);
  } finally {
    await ingest.stop();
  }
});
