import type { Context, Hono } from 'hono';
import { actForm, actsPage, confirmation } from './act-pages.ts';
import { acts, type Act, type Values } from './acts.ts';
import type { Show, Tools } from './tools.ts';
import { logAct, perform } from './doing.ts';
import { refusal, type Env } from './guard.ts';
import { html, nothing, shown } from './html.ts';
import { message } from './page.ts';

/** The routes of the acts. Each act asks for confirmation, reports its result, and is logged with the user's name. */
export function actRoutes(app: Hono<Env>, { config, watcher, log }: Tools, show: Show): void {
  app.get('/acts', async (context) => {
    await watcher.changed();
    const { failing, snapshot } = await watcher.current();
    const body = actsPage(failing, snapshot.outbox?.buried ?? 0, snapshot.paused !== undefined, config.CONSOLE_READ_ONLY);
    return context.html(show(context, { at: '/acts', title: 'Act' }, body));
  });

  const actOf = (context: Context<Env>): [string, Act] => {
    const name = context.req.param('act') ?? '';
    const act = Object.hasOwn(acts, name) ? acts[name] : undefined;
    if (act === undefined) throw refusal(404, 'NOT_FOUND', 'There is no such act.');
    return [name, act];
  };

  app.get('/acts/:act', async (context) => {
    const [name, act] = actOf(context);
    if (config.CONSOLE_READ_ONLY) throw refusal(403, 'READ_ONLY', 'This page is read-only: CONSOLE_READ_ONLY is set.');
    const values = valuesOf(act, context.req.query());
    const about = { at: '/acts', title: act.title };
    if (context.req.query('asked') === undefined)
      return context.html(show(context, about, html`<div class="panel">${actForm(name, act, values)}</div>`));
    const preview = await perform(() => (act.preview ?? (() => dry(() => act.work(values))))(values), config);
    if (preview.code !== undefined) {
      const fault = message('bad', html`${preview.code}: ${preview.lines.map(shown).join(' ')}`);
      return context.html(
        show(
          context,
          about,
          html`${fault}
            <div class="panel">${actForm(name, act, values)}</div>`,
        ),
        400,
      );
    }
    return context.html(show(context, about, confirmation(name, act, values, context.get('csrf'), preview.lines)));
  });

  app.post('/acts/:act', async (context) => {
    const [name, act] = actOf(context);
    const body = await context.req.parseBody();
    const values = valuesOf(act, body);
    const done = await perform(() => act.work(values), config);
    logAct(log, name, context.get('session').user, values, done);
    void watcher.changed();
    const lines = done.lines.slice(0, 200).map((line) => html`<li>${shown(line)}</li>`);
    const result = message(
      done.code === undefined ? 'good' : 'bad',
      html`<p>${done.code === undefined ? 'Done.' : html`<code>${done.code}</code>`}</p>
        ${
          lines.length === 0
            ? nothing
            : html`<ul>
                ${lines}
              </ul>`
        }`,
    );
    const text = show(
      context,
      { at: '/acts', title: act.title },
      html`${result}
        <p class="buttons"><a class="button" href="/acts">Back to the acts</a></p>`,
    );
    return context.html(text, done.code === undefined || done.code === 'INCOMPLETE' ? 200 : 400);
  });
}

/** Validates the values before the confirmation. It changes nothing. */
const dry = (make: () => unknown) => {
  make();
  return () => Promise.resolve(0);
};

const valuesOf = ({ fields }: Act, given: Readonly<Record<string, unknown>>): Values =>
  Object.fromEntries(fields.flatMap(({ name }) => (typeof given[name] === 'string' ? [[name, given[name]]] : [])));
