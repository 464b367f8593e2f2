import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partIds } from '../operate/console/parts.ts';
import { openBrowser, violations } from './support/browser.ts';
import { openConsole, type ConsolePage } from './support/console.ts';
import { uniqueName } from './support/names.ts';
import { outbox } from './support/operate.ts';
import { runConsole, startConsole } from './support/own-console.ts';
import { post } from './support/post.ts';
import { config, query } from './support/stack.ts';
import { waitFor } from './support/wait-for.ts';

// Who may see the page and act on it, and what the page never shows.

const PASSWORD = 'correct horse battery';
let browser: Awaited<ReturnType<typeof openBrowser>>;
let page: Page;

beforeAll(async () => {
  browser = await openBrowser();
  page = await browser.context.newPage();
}, 120_000);
afterAll(() => browser.close());

const text = (selector: string) => page.locator(selector).innerText();

test('on an address that others can reach it does not start without a login, and names the setting', { timeout: 60_000 }, async () => {
  const { code, output } = await runConsole({ HOST: '0.0.0.0' });
  expect(code).toBe(2);
  expect(output).toMatch(/CONSOLE_EXPOSED: HOST is 0\.0\.0\.0.*CONSOLE_PASSWORD.*CONSOLE_USER_HEADER/);
});

test('with a password nothing is shown before the login, and acts are logged with the name', { timeout: 120_000 }, async () => {
  const { url, log } = await startConsole({ CONSOLE_PASSWORD: PASSWORD });
  await page.goto(`${url}/acts`);
  expect(new URL(page.url()).pathname).toBe('/login');
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await violations(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  await page.setViewportSize({ width: 1360, height: 900 });
  const logIn = async (password: string) => {
    await page.getByLabel('Your name').fill('ann');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  };
  await logIn('not the password');
  expect(await text('.message')).toContain('LOGIN_WRONG');
  await logIn(PASSWORD);
  await page.locator('#box-outbox').waitFor();
  expect(await text('.who')).toContain('ann');

  const { body } = await post(uniqueName('user'), uniqueName('zap'), '{"by": "ann"}');
  await waitFor('its row is gone', async () => (await query('SELECT FROM zap_run_outbox WHERE id = $1', [body.id])).length === 0);
  await page.goto(`${url}/acts/replay?run=${body.id}&asked=yes`);
  await page.locator('button.strong').click();
  expect(await text('.message')).toContain('Done.');
  expect(log()).toMatch(new RegExp(`"act":"replay","by":"ann","values":{"run":"${body.id}"},"code":"DONE"`));
  expect(log()).not.toContain(PASSWORD);

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.goto(`${url}/acts`);
  expect(new URL(page.url()).pathname).toBe('/login');
  const live = await fetch(`${url}/live`);
  expect([live.status, await live.text()]).toEqual([401, expect.stringContaining('LOGIN_NEEDED')]);
});

test(
  'after ten wrong passwords in a minute the right one is refused as well, and the password is not tried',
  { timeout: 60_000 },
  async () => {
    const { url } = await startConsole({ CONSOLE_PASSWORD: PASSWORD });
    const logIn = async (password: string) => {
      const body = new URLSearchParams({ user: 'ann', password });
      const { status, headers } = await fetch(`${url}/login`, { method: 'POST', body, redirect: 'manual', headers: { origin: url } });
      return { status, cookie: headers.get('set-cookie') };
    };
    for (let tries = 1; tries <= 10; tries += 1) expect(await logIn(`guess ${tries}`)).toEqual({ status: 401, cookie: null });
    expect(await logIn('guess 11')).toEqual({ status: 429, cookie: null });
    expect(await logIn(PASSWORD)).toEqual({ status: 429, cookie: null });
  },
);

test('behind a proxy the page serves users that the proxy names, and no others', { timeout: 60_000 }, async () => {
  const { url } = await startConsole({ CONSOLE_USER_HEADER: 'X-Forwarded-User' });
  await page.goto(url);
  expect(await text('.message')).toContain('USER_MISSING');
  await page.setExtraHTTPHeaders({ 'x-forwarded-user': 'bob' });
  await page.goto(url);
  expect(await text('.who')).toContain('bob');
  await page.setExtraHTTPHeaders({});
});

test('a read-only page shows everything and offers nothing to do', { timeout: 120_000 }, async () => {
  const { url } = await startConsole({ CONSOLE_READ_ONLY: 'true' });
  const { body } = await post('123', '456', '{"read": "only"}');
  for (const path of ['/', '/acts', '/test', `/runs/${body.id}`, '/parts/connect']) {
    await page.goto(url + path);
    expect([path, await text('.who')]).toEqual([path, expect.stringContaining('read-only')]);
    expect([path, await page.locator('main form[method=post], main a[href^="/acts/"]').count()]).toEqual([path, 0]);
  }
  await page.goto(`${url}/acts/pause?asked=yes`);
  expect(await text('.message')).toContain('READ_ONLY');
  expect(await query('SELECT FROM connector_state WHERE paused_at IS NOT NULL')).toEqual([]);
});

test(
  'no page has a secret of the stack in it, and while no page is open the console keeps no connection',
  { timeout: 120_000 },
  async () => {
    const own: ConsolePage = await openConsole();
    try {
      const secrets = Object.entries(config.secrets);
      for (const path of ['/', ...partIds.map((part) => `/parts/${part}`), '/acts', '/runs']) {
        await own.open(path);
        const content = await own.page.content();
        expect([path, secrets.filter(([, secret]) => content.includes(secret)).map(([name]) => name)]).toEqual([path, []]);
      }
      await own.open('/');
      const connections = async () =>
        (await query(`SELECT FROM pg_stat_activity WHERE application_name = 'outbox-console'`, [], 'postgres')).length;
      await waitFor('the console connects', async () => (await connections()) > 0);
      await own.page.goto('about:blank');
      await waitFor('it rests', async () => (await connections()) === 0, 40_000);
    } finally {
      await own.close();
    }
  },
);

test('a webhook is found by its zap and time, and the page shows the same as explain', { timeout: 120_000 }, async () => {
  const own: ConsolePage = await openConsole();
  try {
    const zap = `${uniqueName('user')}/${uniqueName('zap')}`;
    const [userId = '', zapId = ''] = zap.split('/');
    const { body } = await post(userId, zapId, '{"find": "me"}');
    const find = async (at: string) => {
      await own.open(`/runs?zap=${encodeURIComponent(zap)}&at=${encodeURIComponent(at)}`);
      return own.page.locator('tbody tr').count();
    };
    expect(await find('2h')).toBe(0);
    expect(await own.text('.empty')).toContain('No run fits');
    expect(await find(new Date().toISOString())).toBe(1);
    await own.open(`/runs?id=${body.id}`);
    await own.page.locator('[data-complete=yes]').waitFor({ timeout: 60_000 });
    const said = (await outbox('explain', body.id ?? '')).stdout;
    const [place = 'nowhere'] = /partition \d+, offset \d+/.exec(said) ?? [];
    const way = await own.text('#timeline');
    expect(way).toContain(place);
    for (const [, group = ''] of said.matchAll(/([\w-]+) is past it/g)) expect(way).toContain(`Acknowledged by ${group}`);
  } finally {
    await own.close();
  }
});

test('the page of a webhook that was not followed says which times are unknown', { timeout: 120_000 }, async () => {
  const { body } = await post('123', '456', '{"watched": "by nobody"}');
  const gone = async () => (await query('SELECT FROM zap_run_outbox WHERE id = $1', [body.id])).length === 0;
  await waitFor('its row is gone', gone, 60_000);
  const own: ConsolePage = await openConsole();
  try {
    await own.open(`/runs/${body.id}`);
    await own.page.locator('[data-complete=yes]').waitFor({ timeout: 60_000 });
    const way = await own.text('#timeline');
    expect(way).toContain('when it happened was not written down');
    // Times that Postgres, Kafka and the action consumer stored are known anyway.
    for (const step of ['Received', 'On the topic', 'Call of echo']) expect(way).toMatch(new RegExp(`${step}\\s+\\d{4}-\\d\\d-\\d\\d`));
  } finally {
    await own.close();
  }
});
