import { html, nothing, type Html } from './html.ts';

export interface Frame {
  /** The path of the current link. */
  at: string;
  title: string;
  user: string;
  readOnly: boolean;
  /** Whether the person can log out. */
  login: boolean;
  csrf: string;
  /** The path of the stream of fragments. */
  live?: string;
  status?: Html;
}

const links: [string, string][] = [
  ['/', 'Pipeline'],
  ['/runs', 'Find a webhook'],
  ['/test', 'Send a test'],
  ['/acts', 'Act'],
];

/** The frame around every page. */
export function page({ at, title, user, readOnly, login, csrf, live, status }: Frame, body: Html): Html {
  const nav = links.map(([href, name]) => html`<a href="${href}" ${href === at ? html`aria-current="page"` : nothing}>${name}</a>`);
  const charts =
    at === '/'
      ? html`<link rel="stylesheet" href="/assets/uplot.css" />
          <script src="/assets/uplot.js" defer></script>`
      : nothing;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · outbox</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        ${charts}
        <link rel="stylesheet" href="/assets/console.css" />
        <script src="/assets/console.js" defer></script>
      </head>
      <body ${live === undefined ? nothing : html`data-live="${live}"`}>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <p class="brand"><a href="/">outbox</a></p>
          <nav aria-label="Pages">${nav}</nav>
          <p class="who">${readOnly ? html`<span class="tag">read-only</span> ` : nothing}<span class="user">${user}</span></p>
          ${
            login
              ? html`<form method="post" action="/logout">
                  <input type="hidden" name="csrf" value="${csrf}" /><button class="plain">Log out</button>
                </form>`
              : nothing
          }
        </header>
        <main id="main">
          <div class="headline">
            <h1>${title}</h1>
            ${status ?? nothing}
          </div>
          ${body}
        </main>
      </body>
    </html>`;
}

export const message = (kind: 'good' | 'bad', text: Html): Html =>
  html`<div class="message ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}">${text}</div>`;
