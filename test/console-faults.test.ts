import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openConsole, type ConsolePage } from './support/console.ts';
import { startLoad } from './support/load.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { kill, query, stack, start, stop, untilUp } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// What the page of the pipeline shows during a fault, and how an operator repairs it there.

let browser: ConsolePage;
let page: Page;

beforeAll(async () => {
  browser = await openConsole();
  ({ page } = browser);
}, 120_000);
afterAll(() => browser.close());

const open = (path: string) => browser.open(path);
const text = (selector: string) => browser.text(selector);
const confirm = () => browser.confirm();
/** Waits until a part's box has a word. */
const says = (part: string, word: string, withinMs: number) =>
  waitFor(`${part} is seen as ${word}`, async () => (await text(`#box-${part}`)).includes(word), withinMs);

test(
  'Connect is killed whenever it starts: its box is red within 10 s with the words of the finding, and green after the repair',
  { timeout: 240_000 },
  async () => {
    await open('/');
    await says('connect', 'Works', 60_000);
    await kill('connect');
    await waitFor(
      'the finding is shown',
      async () => {
        // A worker that is killed once is back within three seconds; the page asks Connect every four.
        await stack.kill('connect').catch(() => undefined);
        const findings = await text('#findings');
        return findings.includes('CONNECT_UNREACHABLE') && findings.includes('Nothing is published; rows wait in the outbox.');
      },
      10_000,
    );
    expect(await text('#box-connect')).toContain('Broken');
    expect(await text('#summary')).toMatch(/needs? you/);
    // Only the stack and the watchdog act.
    await says('connect', 'Works', 150_000);
    expect(await text('#findings')).not.toContain('CONNECT_UNREACHABLE');
  },
);

test('ten thousand rows wait: the page shows how many and since when, and still updates every second', { timeout: 300_000 }, async () => {
  await open('/acts/pause?because=a+test&asked=yes');
  onTestFinished(async () => {
    await open('/acts/resume?asked=yes');
    await confirm();
  });
  expect(await confirm()).toContain('Done.');
  await open('/');
  // A worker that has just started first joins its group.
  await waitFor('its task has stopped', async () => /\b0\s+task runs/.test(await text('#box-connect')), 90_000);
  await startLoad(100, 101).done;
  await waitFor(
    'they are counted',
    async () => Number(/([\d,]+)\s+rows wait/.exec(await text('#box-outbox'))?.[1]?.replaceAll(',', '')) >= 10_000,
  );
  expect(await text('#box-outbox')).toMatch(/oldest [\d.]+ (s|min)/);
  await says('connect', 'paused by an operator', 20_000);
  // Ten snapshots, by their times.
  const snapshots = async () => {
    const [at = []] = await page.evaluate<number[][]>('fetch("/history").then((response) => response.json())');
    return at.slice(-11);
  };
  const first = (await snapshots()).at(-1) ?? 0;
  const last = await waitFor(
    'ten snapshots were taken',
    async () => {
      const at = await snapshots();
      return (at[0] ?? 0) >= first && at.length === 11 ? at : undefined;
    },
    30_000,
  );
  const gaps = last.slice(1).map((at, index) => at - (last[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(2500);
  expect((last.at(-1) ?? 0) - (last[0] ?? 0)).toBeLessThan(15_000);

  // One of them is buried, and brought back from the page.
  const [row] = await query<{ id: string }>('SELECT id FROM zap_run_outbox ORDER BY id DESC LIMIT 1');
  await query(`SELECT outbox_bury($1, 'BY_HAND', 'a test')`, [[row?.id]], 'operator');
  await waitFor('the page counts it', async () => {
    await open('/acts');
    return /\d+ events could not be published/.test(await text('main'));
  });
  await page.getByRole('link', { name: 'Requeue all…' }).click();
  expect(await confirm()).toMatch(/\d+ back in the outbox/);
  expect(await query('SELECT FROM zap_run_outbox WHERE id = $1', [row?.id])).toHaveLength(1);

  await open('/acts/resume?asked=yes');
  expect(await confirm()).toContain('Done.');
  await open('/');
  await waitFor('they are gone', async () => /\b0\s+rows wait/.test(await text('#box-outbox')), 120_000);
  await says('connect', 'Works', 60_000);
});

test(
  'a target that refuses connections: its calls are given up, retried from the page once it is back, and arrive',
  { timeout: 180_000 },
  async () => {
    await stop('echo');
    onTestFinished(async () => {
      await start('echo');
      await untilUp('echo');
    });
    const ids = await Promise.all([1, 2, 3].map(async (n) => (await post('123', '456', JSON.stringify({ n }))).body.id ?? ''));
    const calls = () =>
      query<{ state: string; attempts: number; last_error: string | null }>(
        'SELECT state, attempts, last_error FROM actions.delivery WHERE event_id = ANY ($1)',
        [ids],
        'postgres',
      );
    const all = async (fits: (call: Awaited<ReturnType<typeof calls>>[number]) => boolean) => {
      const made = await calls();
      return made.length === ids.length && made.every(fits);
    };
    await waitFor('each was refused', () => all(({ attempts, last_error: error }) => attempts > 0 && error !== null), 60_000);
    // Only the days between the attempts are skipped: the last attempt is made, refused and given up as usual.
    await query(
      `UPDATE actions.delivery SET attempts = 9, due_at = now() WHERE event_id = ANY ($1) AND state = 'pending'`,
      [ids],
      'postgres',
    );
    await waitFor('they are given up', () => all(({ state }) => state === 'dead'), 60_000);

    await open('/');
    await waitFor('the page names it', async () => (await text('#findings')).includes('CALLS_GIVEN_UP'), 70_000);
    expect(await text('#box-actions')).toContain('1 target fails');
    await start('echo');
    await untilUp('echo');
    await open('/acts');
    await page
      .locator('tr', { hasText: ids[0] ?? '' })
      .getByRole('link', { name: 'Retry' })
      .click();
    expect(await text('.question')).toContain(ids[0]);
    expect(await confirm()).toContain('1 calls are due again');
    await open(`/acts/retry?ids=${ids.slice(1).join('%0A')}&asked=yes`);
    expect(await confirm()).toContain('2 calls are due again');
    await waitFor('they arrived', () => all(({ state }) => state === 'delivered'), 60_000);
    if (stack.way === 'embedded') expect(await stack.log('console')).toMatch(/"act":"retry","by":"local"/);
    await open(`/runs/${ids[0]}`);
    expect(await text('#timeline')).toContain('Call of echo');
  },
);

test(
  'a call that was given up is discarded, and a target that said 410 is enabled, where the page asks once',
  { timeout: 60_000 },
  async () => {
    const { body } = await post('123', '456', '{"to": "discard"}');
    const state = async () =>
      (await query<{ state: string }>('SELECT state FROM actions.delivery WHERE event_id = $1', [body.id], 'postgres'))[0]?.state;
    await waitFor('it was called', async () => (await state()) === 'delivered', 60_000);
    await query(`UPDATE actions.delivery SET state = 'dead' WHERE event_id = $1`, [body.id], 'postgres');
    await open('/acts');
    await page
      .locator('tr', { hasText: body.id ?? '' })
      .getByRole('link', { name: 'Discard' })
      .click();
    expect(await state()).toBe('dead');
    expect(await confirm()).toContain('1 dead deliveries are discarded');
    expect(await state()).toBe('discarded');

    const gone = uniqueName('gone');
    await query('INSERT INTO actions.disabled_target (target, event_id) VALUES ($1, $2)', [gone, body.id], 'postgres');
    await open('/acts');
    await page.locator('li', { hasText: gone }).getByRole('link', { name: 'Enable' }).click();
    expect(await confirm()).toContain(`${gone} is called again`);
    expect(await query('SELECT FROM actions.disabled_target WHERE target = $1', [gone], 'postgres')).toEqual([]);
    await open(`/acts/rerun?ids=${body.id}&asked=yes`);
    expect(await confirm()).toContain('1 calls are due again');
    await waitFor('it was called once more', async () => (await state()) === 'delivered', 60_000);
  },
);

test(
  'Postgres is away: the page says so, what needs it is refused by its code, and all is green once it is back',
  { timeout: 300_000 },
  async () => {
    await open('/');
    onTestFinished(async () => {
      await start('postgres');
      await untilUp('postgres', 'ingest', 'connect', 'cleanup', 'watch', 'actions');
    });
    await stop('postgres');
    await waitFor('the page says it', async () => (await text('#summary')).includes('Postgres is away: webhooks are refused'), 10_000);
    expect(await text('#box-outbox')).toContain('Postgres is away');
    expect(await text('#findings')).toContain('POSTGRES_UNREACHABLE');
    await open('/runs?zap=123%2F456');
    expect(await text('.message')).toContain('POSTGRES_UNREACHABLE');
    await open('/acts/resume?asked=yes');
    expect(await confirm()).toContain('POSTGRES_UNREACHABLE');
    await start('postgres');
    await untilUp('postgres', 'ingest');
    await open('/');
    await waitFor('the outbox is seen again', async () => (await text('#box-outbox')).includes('Works'), 90_000);
    await says('connect', 'Works', 150_000);
  },
);
