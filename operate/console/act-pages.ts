import { acts, type Act, type Field, type Values } from './acts.ts';
import { textField, wideTable } from './elements.ts';
import { html, nothing, shown, time, type Html } from './html.ts';
import type { Failing } from './watcher.ts';

/** @param act the act of the form: one page has several forms, and element ids must be unique */
const control = (act: string, { name, label, hint, kind }: Field, value: string): Html => {
  if (kind === 'check')
    return html`<label class="check"
      ><input type="checkbox" name="${name}" value="yes" ${value === '' ? nothing : html`checked`} /> ${label}</label
    >`;
  return textField({ id: `${act}-${name}`, name, label, hint, lines: kind === 'lines' ? 3 : undefined }, value);
};

/** The form of an act. It leads to the confirmation and does nothing itself. */
export const actForm = (name: string, act: Act, values: Values = {}): Html =>
  html`<form method="get" action="/acts/${name}" class="fields">
    <p>${act.about}</p>
    ${act.fields.map((field) => control(name, field, values[field.name] ?? ''))}
    <input type="hidden" name="asked" value="yes" />
    <p><button>Continue…</button></p>
  </form>`;

/** The confirmation of an act. @param preview the output of a dry run */
export function confirmation(name: string, act: Act, values: Values, csrf: string, preview: readonly string[]): Html {
  const said = act.fields.filter((field) => (values[field.name] ?? '') !== '');
  const rows = said.map(
    ({ name: key, label, kind }) =>
      html`<dt>${label}</dt>
        <dd><bdi>${kind === 'check' ? 'yes' : shown(values[key] ?? '')}</bdi></dd>`,
  );
  return html`<div class="panel question">
    <p>${act.about}</p>
    ${rows.length === 0 ? nothing : html`<dl>${rows}</dl>`}
    ${preview.length === 0 ? nothing : html`<p class="preview"><strong>Dry run:</strong> ${preview.map(shown).join(' ')}</p>`}
    <form method="post" action="/acts/${name}">
      <input type="hidden" name="csrf" value="${csrf}" />
      ${said.map(({ name: key }) => html`<input type="hidden" name="${key}" value="${values[key] ?? ''}" />`)}
      <p class="buttons"><button class="strong">${act.title}</button> <a href="/acts">No, go back</a></p>
    </form>
  </div>`;
}

const quick = (act: string, label: string, values: Values): Html =>
  html`<a class="button" href="/acts/${act}?${new URLSearchParams({ ...values, asked: 'yes' }).toString()}">${label}</a>`;

/** @param paused whether publishing is paused */
export function actsPage(failing: Failing, buried: number, paused: boolean, readOnly: boolean): Html {
  const { letters, all, disabled } = failing;
  const buttons = (content: Html) => (readOnly ? nothing : html`<p class="buttons">${content}</p>`);
  const rows = letters.map(
    (letter) =>
      html`<tr>
        <td>
          <a href="/runs/${letter.event_id}"><code>${letter.event_id}</code></a>
        </td>
        <td><bdi>${shown(letter.target)}</bdi></td>
        <td><bdi>${shown(letter.zap)}</bdi></td>
        <td>${time(letter.settled_at)}</td>
        <td>${letter.attempts} attempts: ${letter.last_status ?? shown(letter.last_error ?? 'no answer')}</td>
        <td>
          ${readOnly ? nothing : html`${quick('retry', 'Retry', { ids: letter.event_id, target: letter.target })} ${quick('discard', 'Discard', { ids: letter.event_id, target: letter.target })}`}
        </td>
      </tr>`,
  );
  const table =
    rows.length === 0
      ? html`<p class="empty">No call was given up.</p>`
      : html`${wideTable('Calls that were given up', ['Run', 'Target', 'Zap', 'Given up', 'Answer', 'Act'], rows)}
        ${all > rows.length ? html`<p>and ${all - rows.length} older ones</p>` : nothing}${buttons(html`${quick('retry', 'Retry all…', { all: 'yes' })} ${quick('discard', 'Discard all…', { all: 'yes' })}`)}`;
  const targets =
    disabled.length === 0
      ? html`<p class="empty">Every target is called.</p>`
      : html`<ul>
          ${disabled.map(({ target, disabled_at: at }) => html`<li><bdi>${shown(target)}</bdi> answered 410 at ${time(at)} ${readOnly ? nothing : quick('enable', 'Enable', { target })}</li>`)}
        </ul>`;
  const buriedRows =
    buried === 0
      ? html`<p class="empty">No row was buried.</p>`
      : html`<p>${buried} events could not be published.</p>
          ${buttons(quick('requeue', 'Requeue all…', { all: 'yes' }))}`;
  const others = readOnly
    ? html`<p class="empty">This page is read-only: CONSOLE_READ_ONLY is set.</p>`
    : html`${Object.entries(acts).map(
        ([name, act]) =>
          html`<details class="act" name="act">
            <summary>${act.title}</summary>
            ${actForm(name, act)}
          </details>`,
      )}`;
  return html`<section class="panel">
      <h2>Calls that were given up</h2>
      ${table}
    </section>
    <div class="halves">
      <section class="panel">
        <h2>Targets</h2>
        ${targets}
      </section>
      <section class="panel">
        <h2>Buried rows</h2>
        ${buriedRows}
      </section>
      <section class="panel">
        <h2>Publishing</h2>
        <p>${paused ? 'Paused by an operator.' : 'Not paused.'}</p>
        ${buttons(paused ? quick('resume', 'Resume…', {}) : quick('pause', 'Pause…', {}))}
      </section>
    </div>
    <section class="panel">
      <h2>All acts</h2>
      ${others}
    </section>`;
}
