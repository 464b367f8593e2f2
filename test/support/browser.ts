import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

const PATH = '/usr/bin/chromium';

/** A real browser with an empty profile. @throws where it is missing, with what to install */
export async function openBrowser(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  if (!existsSync(PATH)) throw new Error(`${PATH} is missing. Install it: apt-get install chromium`);
  const profile = mkdtempSync(join(tmpdir(), 'console-browser-'));
  const switches = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: PATH,
    args: [...switches, 'disable-component-update', 'disable-sync'].map((name) => `--${name}`),
    viewport: { width: 1360, height: 900 },
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close };
}

/** What axe finds wrong with the page as it is now: rule and place. */
export async function violations(page: Page): Promise<string[]> {
  // The policy of the page lets no script in but its own; what is evaluated is not asked.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: loaded } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const found = await loaded.run();
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  });
}
