import { html, nothing, type Html } from './html.ts';

// Elements that several pages share.

/** A text field with its label and a hint that screen readers read with it. */
export function textField(
  {
    name,
    id = name,
    label,
    hint,
    lines,
  }: { id?: string; name: string; label: string; hint?: string | undefined; lines?: number | undefined },
  value: string,
): Html {
  const described = hint === undefined ? nothing : html`aria-describedby="${id}-hint"`;
  const input =
    lines === undefined
      ? html`<input id="${id}" name="${name}" value="${value}" autocomplete="off" ${described} />`
      : html`<textarea id="${id}" name="${name}" rows="${lines}" spellcheck="false" ${described}>${value}</textarea>`;
  const about = hint === undefined ? nothing : html`<span class="hint" id="${id}-hint">${hint}</span>`;
  return html`<p class="field"><label for="${id}">${label}</label>${input}${about}</p>`;
}

/** A table that scrolls on narrow pages, also by keyboard. */
export const wideTable = (label: string, columns: readonly string[], rows: readonly Html[]): Html =>
  html`<div class="wide-table" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
