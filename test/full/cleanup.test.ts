import { afterEach, expect, test } from 'vitest';
import { EVENT_TOPIC } from '../../contract/names.ts';
import { audit, auditThisFile, readTopicAgain, topic } from '../support/audited.ts';
import { ends, setOffsets, untilNoLag, withAdmin } from '../support/kafka.ts';
import { startLoad } from '../support/load.ts';
import { metric } from '../support/metrics.ts';
import { outbox } from '../support/operate.ts';
import { register } from '../support/services.ts';
import { config, query, start, stop, untilUp } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

auditThisFile();
afterEach(async () => {
  await start('watch', 'connect', 'cleanup', 'consumer');
  await untilUp('watch', 'connect', 'cleanup', 'consumer');
});

const GROUP = 'consumers-example';
const depth = async () => (await query<{ n: number }>('SELECT count(*)::int AS n FROM zap_run_outbox'))[0]!.n;
const stopCode = async () => (await query<{ stop_code: string | null }>('SELECT stop_code FROM cleanup_state'))[0]?.stop_code ?? undefined;

test('events that the connector never saw are sent again, later and with resends 1', { timeout: 240_000 }, async () => {
  await stop('watch');
  await query(`ALTER PUBLICATION zap_run_outbox SET (publish = 'delete')`);
  const accepted = await startLoad(5, 10).done;
  await query(`ALTER PUBLICATION zap_run_outbox SET (publish = 'insert')`);
  await audit.expectKept(topic, accepted, 150_000);
  const resends = new Set([...accepted.keys()].flatMap((key) => topic.records(key).map(({ headers }) => headers.resends)));
  expect([...resends]).toEqual(['1']);
});

test(
  'a group that is moved back makes cleanup wait, and one that is moved forward or commits without processing loses nothing',
  { timeout: 240_000 },
  async () => {
    const first = await startLoad(5, 20).done;
    await audit.expectKept(topic, first);
    await stop('consumer');
    // Back: new events are not acknowledged.
    await setOffsets(GROUP, new Map([...(await ends())].map(([partition]) => [partition, 0n])));
    const second = await startLoad(5, 20).done;
    for (const [key, ids] of second) await topic.untilEvents(key, ids.length);
    expect(await depth()).toBe(100);
    // Forward: the group commits past events that it never read. They are on the topic, as promised.
    await setOffsets(GROUP, await ends());
    await audit.expectKept(topic, second);
    // In the middle, while events arrive.
    const load = startLoad(5, 60);
    await waitFor('100 posts are accepted', () => load.accepted() >= 100, 60_000);
    await setOffsets(GROUP, await ends());
    await setOffsets(GROUP, new Map([...(await ends())].map(([partition]) => [partition, 0n])));
    await start('consumer');
    await audit.expectKept(topic, await load.done);
    await untilNoLag('outbox-cleanup');
  },
);

test('a position beyond the end stops cleanup until the operator has accepted the topic', { timeout: 240_000 }, async () => {
  await stop('consumer');
  const accepted = await startLoad(2, 5).done;
  for (const [key, ids] of accepted) await topic.untilEvents(key, ids.length);
  await setOffsets(GROUP, new Map([...(await ends())].map(([partition, end]) => [partition, end + 1000n])));
  await waitFor('cleanup stops', async () => (await stopCode()) === 'COMMITTED_BEYOND_END');
  expect(await depth()).toBe(10);
  expect((await fetch(`http://127.0.0.1:${config.CLEANUP_METRICS_PORT}/readyz`)).status).toBe(503);
  expect(await metric('CLEANUP', 'outbox_alarms_total{code="COMMITTED_BEYOND_END"}')).toBe(1);
  expect(await outbox('accept-topic')).toMatchObject({ code: 0 });
  await start('consumer');
  await audit.expectKept(topic, accepted);
});

test(
  'a topic that was deleted and re-created stops cleanup; nothing is deleted until accept-topic, and then nothing is missing',
  { timeout: 300_000 },
  async () => {
    await audit.expectKept(topic, await startLoad(5, 20).done);
    await stop('consumer');
    const before = await startLoad(5, 20).done;
    for (const [key, ids] of before) await topic.untilEvents(key, ids.length);
    await topic.close();
    await withAdmin((admin) => admin.deleteTopics({ topics: [EVENT_TOPIC] }));
    await waitFor('the topic is gone', async () => !(await withAdmin((admin) => admin.listTopics())).includes(EVENT_TOPIC));
    await register();
    await waitFor('cleanup stops', async () => (await stopCode()) === 'TOPIC_SHRANK', 60_000);
    await readTopicAgain();
    await start('consumer');
    const after = await startLoad(5, 20).done;
    for (const [key, ids] of after) await topic.untilEvents(key, ids.length, 90_000);
    expect(await depth()).toBe(200);
    const accept = await outbox('accept-topic');
    expect(accept).toMatchObject({ code: 0, stdout: expect.stringContaining('TOPIC_SHRANK') as string });
    await audit.expectKept(topic, new Map([...before, ...after]), 150_000);
    expect(await outbox('accept-topic')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to accept') as string });
    await untilNoLag('outbox-cleanup');
  },
);
