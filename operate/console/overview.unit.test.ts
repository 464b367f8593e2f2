import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { streamPipeline } from './live.ts';
import type { Snapshot } from './sources.ts';
import { fragments } from './overview.ts';
import { merged } from './parts.ts';
import type { View, Watcher } from './watcher.ts';

const EMPTY = { at: 0, accepted: null, published: null, deleted: null, calls: null, p50: null, p99: null, depth: null, lag: null };

const viewOf = (examined: boolean, more: Partial<Snapshot> = {}): View => {
  const snapshot: Snapshot = { ...{ at: 0, metricsAt: 0, kafkaAt: 0, silent: new Map(), groups: [], samples: new Map() }, ...more };
  return {
    ...{ snapshot, point: EMPTY, examined, findings: merged([], snapshot, []), failing: { letters: [], all: 0, disabled: [] } },
    ...{ ownGroup: 'outbox-cleanup', secondsBehind: () => undefined },
  };
};

test('before the first examination every part is unknown, and the page says that it is being examined', () => {
  const shown = fragments(viewOf(false));
  expect(shown.get('summary')).toContain('The first examination takes a few seconds.');
  expect(shown.get('findings')).toContain('Being examined…');
  for (const [id, box] of shown) if (id.startsWith('box-')) expect([id, box]).toEqual([id, expect.stringContaining('Not known')]);
});

test('an unknown number is a dash, never a zero', () => {
  const shown = fragments(viewOf(true));
  for (const part of ['ingest', 'outbox', 'slot', 'connect', 'topic', 'actions', 'cleanup'])
    expect([part, shown.get(`box-${part}`)]).toEqual([part, expect.stringContaining('<span class="number">–</span>')]);
});

test('with nothing wrong and nothing waiting the page says so', () => {
  const outbox = { rows: 0, exact: true, oldest: undefined, buried: 0, buriedExact: true };
  const shown = fragments(viewOf(true, { outbox, groups: [{ group: 'orders', lag: 0, exact: true }] }));
  expect(shown.get('summary')).toContain('Every check passed.');
  expect(shown.get('findings')).toContain('No findings: every check passed.');
  expect(shown.get('box-outbox')).toContain('none is old');
  expect(shown.get('group-orders')).toContain('nothing waits');
});

test('without Postgres the page says what that means for senders', () => {
  const shown = fragments(viewOf(true, { silent: new Map([['postgres', new Error('refused')]]) }));
  expect(shown.get('summary')).toContain('Postgres is away: webhooks are refused, and counts stand still.');
  expect(shown.get('box-outbox')).toContain('Broken');
  expect(shown.get('box-outbox')).toContain('Postgres is away');
});

test('a page gets everything once and then only changes; one that stops reading gets everything again, and nothing piles up', async () => {
  const listeners = new Set<(view: View) => void>();
  const watcher = {
    listen: (listener: (view: View) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Watcher;
  const snapshotAt = (at: number) => {
    for (const listener of listeners) listener({ ...viewOf(true), snapshot: { ...viewOf(true).snapshot, at } });
  };
  const app = new Hono().get('/live', (context) => streamPipeline(context, watcher));
  const reader = (await app.request('/live')).body?.getReader();
  const next = async () => {
    const read = await reader?.read();
    const text = Buffer.from((read?.value as Uint8Array | undefined) ?? []).toString();
    const sent = JSON.parse(text.replace('data: ', '')) as { fragments: Record<string, string> };
    return Object.keys(sent.fragments).length;
  };
  const all = fragments(viewOf(true)).size;
  snapshotAt(1000);
  expect(await next()).toBe(all);
  snapshotAt(2000);
  expect(await next()).toBe(1); // The clock.
  snapshotAt(3000);
  snapshotAt(4000); // Nobody has read the one before.
  expect(await next()).toBe(1);
  snapshotAt(5000);
  expect(await next()).toBe(all);
  await reader?.cancel();
  expect(listeners.size).toBe(0);
});
