import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { violations } from './support/browser.ts';
import { openConsole, type ConsolePage } from './support/console.ts';
import { startLoad } from './support/load.ts';
import { uniqueName } from './support/names.ts';
import { post } from './support/post.ts';
import { query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// The page of the pipeline in a real browser, on the running stack.

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

test('a webhook that is posted on the page is followed until its way is complete', { timeout: 120_000 }, async () => {
  const zap = `${uniqueName('user')}/${uniqueName('zap')}`;
  await open('/test');
  await page.getByLabel('Zap').fill(zap);
  await page.getByLabel('JSON').fill('{"order": 42}');
  await page.getByRole('button', { name: 'Send it' }).click();
  await page.locator('[data-complete=yes]').waitFor({ timeout: 60_000 });
  const way = await text('#timeline');
  for (const step of [
    'Received',
    'Committed',
    'On the topic',
    'Acknowledged by consumers-example',
    'Acknowledged by actions',
    'Row deleted',
  ])
    expect(way).toContain(step);
  expect(way).toMatch(/partition \d+, offset \d+/);
  await page.getByText('Metadata (').click();
  expect(await text('details[open] pre')).toBe('{"order": 42}');
  await open(`/runs?zap=${encodeURIComponent(zap)}`);
  expect(await page.locator('tbody tr').count()).toBe(1);
});

test('what a sender sent is shown as text, never as markup', { timeout: 60_000 }, async () => {
  const evil = '"><script>document.title="owned"</script><img src=x onerror="document.title=1"> \u202egnp.exe \u001b[31mred';
  const { body } = await post(uniqueName('user'), uniqueName('zap'), JSON.stringify({ [evil]: evil, deep: [evil] }), {
    'user-agent': '<svg onload=document.title="owned">',
    authorization: 'Bearer not-for-anybody-to-see',
    'x-event-type': '<b>bold</b>',
  });
  await open(`/runs/${body.id}`);
  for (const summary of await page.locator('summary').all()) await summary.click();
  const shown = await text('main');
  expect(shown).toContain('<script>document.title="owned"</script>'.replaceAll('"', '\\"'));
  expect(shown).toContain('⟨U+202E⟩');
  expect(shown).toContain('<svg onload=');
  expect(shown).toContain('<b>bold</b>');
  expect(await page.content()).not.toContain('not-for-anybody-to-see');
  expect(await page.title()).toBe('Webhook · outbox');
  expect(await page.locator('main script, main img, main svg, main b').count()).toBe(0);
});

test('a replay shows the number of its events before it does anything', { timeout: 60_000 }, async () => {
  const { body } = await post(uniqueName('user'), uniqueName('zap'), '{"once": "more"}');
  await waitFor('its row is gone', async () => (await query('SELECT FROM zap_run_outbox WHERE id = $1', [body.id])).length === 0);
  await open(`/acts/replay?run=${body.id}&asked=yes`);
  expect(await text('.preview')).toContain('1 runs, 1 would be sent again');
  expect(await confirm()).toContain('1 runs, 1 are sent again');
});

test('the check lists a run that is nowhere, and not one that arrived', { timeout: 60_000 }, async () => {
  const { body } = await post(uniqueName('user'), uniqueName('zap'), '{"is": "there"}');
  const lost = `ffffffff${crypto.randomUUID().slice(8)}`;
  await query(
    `INSERT INTO zap_run (id, user_id, zap_id, metadata, headers, received_at, schema_id)
     SELECT $1::uuid, 'nobody', 'nothing', '{}', '{}', now(), schema_id FROM event_schema LIMIT 1`,
    [lost],
  );
  onTestFinished(async () => {
    await query('DELETE FROM zap_run WHERE id = $1', [lost]);
  });
  await open('/acts/reconcile?since=1m&asked=yes');
  const said = await confirm();
  expect(said).toContain(lost);
  expect(said).toContain('1 in none.');
  expect(said).not.toContain(body.id);
});

test('the charts keep drawing without a reload', { timeout: 60_000 }, async () => {
  await open('/');
  await page.locator('#plot-throughput canvas').waitFor();
  await page.evaluate('document.body.dataset.loaded = "once"');
  /** The height of the line in the last seconds of the chart, from 0 at its foot to 1. */
  const height = () =>
    page.locator('#plot-throughput canvas').evaluate((node) => {
      const canvas = node as unknown as {
        width: number;
        height: number;
        getContext: (kind: '2d') => { getImageData: (x: number, y: number, w: number, h: number) => { data: Uint8ClampedArray } };
      };
      const left = Math.floor(canvas.width * 0.95);
      const { data } = canvas.getContext('2d').getImageData(left, 0, canvas.width - left, canvas.height);
      const isLine = (at: number) =>
        (data[at + 3] ?? 0) > 200 && Math.max(...data.slice(at, at + 3)) - Math.min(...data.slice(at, at + 3)) > 40;
      for (let at = 0; at < data.length; at += 4) if (isLine(at)) return 1 - Math.floor(at / 4 / (canvas.width - left)) / canvas.height;
      return 0;
    });
  // The foot has the labels of the axis, and the axis goes up to the maximum of the last hour, which may have been a larger load.
  await waitFor('nothing happens', async () => (await height()) < 0.3, 30_000);
  const idle = await height();
  await startLoad(100, 30).done;
  await waitFor('the load is drawn', async () => (await height()) > idle + 0.1, 15_000);
  expect(await page.evaluate('document.body.dataset.loaded')).toBe('once');
});

test('an act with a wrong token does nothing, and one that the command line refuses is refused', async () => {
  await open('/acts/pause?asked=yes');
  await page.locator('main form[method=post] input[name=csrf]').evaluate((field) => void Object.assign(field, { value: 'f'.repeat(64) }));
  expect(await confirm()).toContain('CSRF_WRONG');
  expect(await query('SELECT FROM connector_state WHERE paused_at IS NOT NULL')).toEqual([]);
  await open('/acts/discard?asked=yes');
  expect(await text('.message')).toContain('USAGE');
  await open('/acts/reconcile?since=soon&asked=yes');
  expect(await text('.message')).toContain('USAGE');
});

test('nothing on the page moves while its numbers change', { timeout: 60_000 }, async () => {
  await open('/');
  const places = async () => {
    const all = await page.locator('.box, .chart, .side').all();
    return Promise.all(all.map((one) => one.boundingBox()));
  };
  await page.locator('#plot-lag canvas').waitFor();
  const before = await places();
  const clock = await text('#clock');
  await post('123', '456', '{"moves": false}');
  await waitFor('it was looked again', async () => (await text('#clock')) !== clock);
  expect(await places()).toEqual(before);
});

test('the keyboard alone reaches a finding through the chain', async () => {
  await open('/');
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.className')).toBe('skip');
  await page.keyboard.press('Enter');
  await page.locator('#box-topic').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/parts/topic');
  expect(await text('main')).toContain('retention.ms');
});

describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
  test.each([360, 1360])('axe finds nothing at %i px, and nothing is wider than the page', { timeout: 120_000 }, async (width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    onTestFinished(() => page.setViewportSize({ width: 1360, height: 900 }));
    const { body } = await post('123', '456', '{"for": "axe"}');
    for (const path of ['/', '/parts/connect', `/runs/${body.id}`, '/runs?zap=123/456', '/test', '/acts', '/acts/pause?asked=yes']) {
      await open(path);
      expect([path, await violations(page)]).toEqual([path, []]);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, width]);
    }
  });
});

test('no script failed, and no request was refused by the policy', () => {
  expect(browser.faults).toEqual([]);
});
