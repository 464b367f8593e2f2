import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { raw } from 'hono/html';
import { secureHeaders } from 'hono/secure-headers';
import { actRoutes } from './act-routes.ts';
import { assets } from './assets.ts';
import { createGuard, Refusal, refusal, type Env } from './guard.ts';
import { html, type Html } from './html.ts';
import { pushedOf, streamPipeline } from './live.ts';
import { overview } from './overview.ts';
import { message, page } from './page.ts';
import { partDetails } from './part-page.ts';
import { partIds, titles } from './parts.ts';
import { loginRoutes } from './login-routes.ts';
import { runRoutes } from './run-routes.ts';
import type { Show, Tools } from './tools.ts';
import { OperateError } from '../verb.ts';

const MOST_BYTES = 2 * 1024 * 1024;

/** The page of the pipeline. */
export function createConsole(tools: Tools): Hono<Env> {
  const { config, watcher, sources, log } = tools;
  const guard = createGuard(config);
  const app = new Hono<Env>();
  const show: Show = (context, about, body) => {
    // No session exists before the login.
    const session = context.get('session') as Env['Variables']['session'] | undefined;
    const frame = {
      ...about,
      user: session?.user ?? '',
      csrf: session === undefined ? '' : context.get('csrf'),
      readOnly: config.CONSOLE_READ_ONLY,
    };
    return page({ ...frame, login: guard.login && session !== undefined }, body);
  };

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        ...{ defaultSrc: ["'none'"], scriptSrc: ["'self'"], styleSrc: ["'self'"], imgSrc: ["'self'"], connectSrc: ["'self'"] },
        ...{ formAction: ["'self'"], baseUri: ["'none'"], frameAncestors: ["'none'"] },
      },
      // With no-referrer a browser would send no Origin with a posted form.
      ...{ referrerPolicy: 'same-origin', xFrameOptions: 'DENY', strictTransportSecurity: false },
    }),
  );
  app.use(bodyLimit({ maxSize: MOST_BYTES }));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.use(guard.check);
  app.use(async (context, next) => {
    await next();
    if (!context.req.path.startsWith('/assets/')) context.header('cache-control', 'no-store');
  });
  app.get('/assets/:name', (context) => {
    const found = assets.get(context.req.param('name'));
    if (found === undefined) throw refusal(404, 'NOT_FOUND', 'There is no such file.');
    return context.body(found.content, 200, { 'content-type': found.type, 'cache-control': 'max-age=300' });
  });

  app.get('/', async (context) => {
    const pushed = pushedOf(await watcher.current());
    const part = (id: string): Html => raw(pushed.all.get(id) ?? '');
    return context.html(
      show(context, { at: '/', title: 'Pipeline', live: '/live', status: liveStatus(part) }, overview(pushed.view, part)),
    );
  });
  app.get('/live', (context) => streamPipeline(context, watcher));
  app.get('/history', (context) => context.json(watcher.history.columns()));
  app.get('/parts/:part', async (context) => {
    const part = partIds.find((id) => id === context.req.param('part'));
    if (part === undefined) throw refusal(404, 'NOT_FOUND', 'The chain has no such part.');
    const pushed = pushedOf(await watcher.current());
    const fragment = (id: string): Html => raw(pushed.all.get(id) ?? '');
    const boxes = part === 'groups' ? [...pushed.all.keys()].filter((id) => id.startsWith('group-')) : [`box-${part}`];
    const body = html`<div class="boxes">${boxes.map((id) => html`<div class="box" id="${id}">${fragment(id)}</div>`)}</div>
      <section class="panel">
        <h2>Findings</h2>
        <div id="findings-${part}">${fragment(`findings-${part}`)}</div>
      </section>
      ${await partDetails(part, config, sources.pool)}`;
    return context.html(show(context, { at: '/parts', title: titles[part], live: '/live' }, body));
  });
  runRoutes(app, tools, show);
  actRoutes(app, tools, show);

  loginRoutes(app, tools, guard, show);

  app.notFound((context) =>
    context.html(show(context, { at: '', title: 'Not found' }, message('bad', html`NOT_FOUND: There is no such page.`)), 404),
  );
  app.onError((error, context) => {
    const known = error instanceof Refusal;
    const status = known ? error.status : 503;
    const code = known || error instanceof OperateError ? error.code : 'UNEXPECTED';
    log[code === 'UNEXPECTED' ? 'error' : 'warn']({ code, path: context.req.path, cause: error.message }, 'refused');
    return context.html(
      show(context, { at: '', title: known ? 'Refused' : 'Not possible now' }, message('bad', html`${code}: ${error.message}`)),
      status,
    );
  });
  return app;
}

const liveStatus = (part: (id: string) => Html): Html =>
  html`<p class="summary" id="summary" role="status">${part('summary')}</p>
    <p class="clock">
      Seen at <span id="clock">${part('clock')}</span> <span id="link" hidden>· the console does not answer; trying again</span>
    </p>
    <noscript><p class="about">Without scripts this page does not update by itself.</p></noscript>`;
