import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Hono } from 'hono';
import { moment, runId, zap } from '../arguments.ts';
import type { Show, Tools } from './tools.ts';
import { refusal, type Env } from './guard.ts';
import { html, nothing, shown, type Html } from './html.ts';
import { streamWay } from './live.ts';
import { message } from './page.ts';
import { content, findPage, runActs, testPage, timeline } from './run-pages.ts';
import { listRuns, readContent, type Listed } from './tracer.ts';

const POST_WITHIN_MS = 10_000;
const EXAMPLE = '{"someData": "value"}';

/** Find a webhook, follow it, send one. */
export function runRoutes(app: Hono<Env>, { config, sources, tracer, log }: Tools, show: Show): void {
  app.get('/runs', async (context) => {
    const { id = '', zap: of = '', at = '' } = context.req.query();
    const values = { id: id.trim(), zap: of.trim(), at: at.trim() };
    let found: Listed[] | undefined;
    let fault: Html = nothing;
    try {
      if (values.id !== '') return context.redirect(`/runs/${runId(values.id)}`, 303);
      if (values.zap !== '') found = await listRuns(sources.pool, zap(values.zap), values.at === '' ? undefined : moment(values.at));
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      fault = message('bad', html`USAGE: ${error.message}`);
    }
    return context.html(show(context, { at: '/runs', title: 'Find a webhook' }, html`${fault}${findPage(values, found)}`));
  });

  const idOf = (text: string) => {
    try {
      return runId(text);
    } catch {
      throw refusal(404, 'NOT_FOUND', 'That is not the id of a run.');
    }
  };
  app.get('/runs/:id', async (context) => {
    const id = idOf(context.req.param('id'));
    const [way, sent] = await Promise.all([tracer.trace(id, false), readContent(sources.pool, id)]);
    if (way === undefined || sent === undefined)
      throw refusal(404, 'RUN_UNKNOWN', `No run has the id ${id}: it was never stored, was erased, or is older than cleanup keeps runs.`);
    const body = html`<p class="about"><code>${id}</code> · zap <bdi>${way.run.zap}</bdi></p>
      <section class="panel">
        <h2>Its way</h2>
        <div id="timeline" aria-live="polite">${timeline(way)}</div>
      </section>
      <section class="panel">
        <h2>What was sent</h2>
        ${content(sent)}
      </section>
      ${config.CONSOLE_READ_ONLY ? nothing : runActs(id)}`;
    return context.html(show(context, { at: '/runs', title: 'Webhook', live: `/runs/${id}/live` }, body));
  });
  app.get('/runs/:id/live', (context) => streamWay(context, tracer, idOf(context.req.param('id'))));

  const testForm = (context: Parameters<Show>[0], values: { zap: string; body: string }, fault: Html) =>
    show(context, { at: '/test', title: 'Send a test' }, html`${fault}${testPage(values, context.get('csrf'), config.CONSOLE_READ_ONLY)}`);
  app.get('/test', (context) => context.html(testForm(context, { zap: '123/456', body: EXAMPLE }, nothing)));
  app.post('/test', async (context) => {
    const { zap: of, body } = await context.req.parseBody();
    const values = { zap: typeof of === 'string' ? of.trim() : '', body: typeof body === 'string' ? body : '' };
    const refuse = (text: string) => context.html(testForm(context, values, message('bad', html`${shown(text)}`)), 400);
    try {
      JSON.parse(values.body);
      const { userId, zapId } = zap(values.zap);
      const response = await fetch(new URL(`/hooks/catch/${userId}/${zapId}`, config.INGEST_URL), {
        ...{ method: 'POST', body: values.body, headers: { 'content-type': 'application/json', 'user-agent': 'outbox-console' } },
        signal: AbortSignal.timeout(POST_WITHIN_MS),
      });
      const answer = (await response.json()) as { id?: string; code?: string; message?: string };
      log.info({ act: 'test', by: context.get('session').user, zap: values.zap, status: response.status, id: answer.id }, 'act');
      if (answer.id === undefined) return refuse(`Ingest answered ${response.status} ${answer.code ?? ''}: ${answer.message ?? ''}`);
      return context.redirect(`/runs/${answer.id}`, 303);
    } catch (error) {
      return refuse(error instanceof SyntaxError ? `USAGE: That is not JSON. ${error.message}` : `INGEST_SILENT: ${String(error)}`);
    }
  });
}
