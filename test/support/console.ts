import type { Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { config } from './stack.ts';

export interface ConsolePage {
  page: Page;
  open: (path: string) => Promise<void>;
  text: (selector: string) => Promise<string>;
  /** Says yes to the question. @returns what the page says it did */
  confirm: () => Promise<string>;
  /** What failed in its scripts, and what its policy refused. */
  faults: string[];
  close: () => Promise<void>;
}

/** The running stack's page in a real browser, logged in where it has a login. */
export async function openConsole(): Promise<ConsolePage> {
  const base = `http://localhost:${config.CONSOLE_PORT}`;
  const browser = await openBrowser();
  const page = await browser.context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  // What the policy of the page refuses is told in the console.
  page.on('console', (line) => {
    if (line.text().includes('Content Security Policy')) faults.push(line.text());
  });
  await page.goto(base);
  if (page.url().endsWith('/login')) {
    await page.getByLabel('Password').fill(config.CONSOLE_PASSWORD ?? config.secrets.console);
    await page.getByRole('button', { name: 'Log in' }).click();
  }
  const text = (selector: string) => page.locator(selector).innerText();
  return {
    ...{ page, text, faults, close: browser.close },
    open: async (path) => {
      await page.goto(base + path);
    },
    confirm: async () => {
      await page.locator('button.strong').click();
      return text('.message');
    },
  };
}
