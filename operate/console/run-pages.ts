import { textField, wideTable } from './elements.ts';
import { describeCall } from '../explain.ts';
import { NOT_ON_TOPIC, traceIdOf } from '../trace.ts';
import { seconds, UNKNOWN } from '../units.ts';
import { html, moment, nothing, shown, time, type Html } from './html.ts';
import { isComplete, isGone, type Listed, type Way } from './tracer.ts';

/** How much of a large webhook is shown. */
const MOST_CHARACTERS = 20_000;

interface Step {
  name: string;
  state: 'done' | 'waits' | 'bad';
  at?: Date | undefined;
  /** The time is when it was seen, not when it happened. */
  seen?: boolean;
  note: Html;
}

function steps(way: Way): Step[] {
  const { run, records, groups, calls, attempts, seen, silent } = way;
  const first = records?.[0];
  const committed = run.committed_at ?? run.waits_since ?? undefined;
  const topic: Step =
    first !== undefined
      ? {
          name: 'On the topic',
          state: 'done',
          at: first.appendedAt,
          note: html`partition ${first.partition}, offset
          ${String(first.offset)}${(records?.length ?? 0) > 1 ? html`, and ${(records?.length ?? 0) - 1} repeats` : nothing}`,
        }
      : {
          name: 'On the topic',
          state: 'waits',
          note: html`${silent ?? (records === undefined ? 'being searched for…' : NOT_ON_TOPIC)}`,
        };
  const row: Step =
    run.buried_since !== null
      ? { name: 'Row buried', state: 'bad', at: run.buried_since, note: html`${shown(run.reason ?? '')}` }
      : isGone(run)
        ? { name: 'Row deleted', state: 'done', at: seen.get('row'), seen: true, note: html`read back from the topic and acknowledged` }
        : { name: 'Row deleted', state: 'waits', note: html`its row waits, sent again ${run.resends} times` };
  return [
    { name: 'Received', state: 'done', at: run.received_at, note: html`${run.bytes} bytes for <bdi>${run.zap}</bdi>` },
    { name: 'Committed', state: 'done', at: committed, note: html`answered 200 after it` },
    topic,
    ...groups
      .filter(({ awaited, past }) => awaited || past)
      .map(({ group, past, awaited }): Step => ({
        name: `Acknowledged by ${shown(group)}`,
        state: past ? 'done' : 'waits',
        at: past ? seen.get(`group ${group}`) : undefined,
        seen: true,
        note: html`${past ? 'committed past it' : 'has not committed past it'}${awaited ? ', cleanup waits for it' : ''}`,
      })),
    ...calls.flatMap((call): Step[] => {
      const made = attempts.filter(({ target }) => target === call.target);
      const state = call.state === 'pending' ? 'waits' : call.state === 'delivered' ? 'done' : 'bad';
      const durations = made.map(
        ({ attempt, answer, at, ms }) => html`<li>attempt ${attempt}: ${shown(answer)} in ${ms} ms, ${moment(at)}</li>`,
      );
      const retry =
        call.state === 'dead'
          ? html` <a class="button" href="/acts/retry?ids=${way.id}&amp;target=${call.target}&amp;asked=yes">Retry</a>`
          : nothing;
      return [
        {
          ...{ name: `Call of ${shown(call.target)}`, state, at: call.settled_at ?? undefined },
          note: html`${shown(describeCall(call))}${retry}${
            durations.length === 0
              ? nothing
              : html`<ul class="attempts">
                  ${durations}
                </ul>`
          }`,
        },
      ];
    }),
    row,
  ];
}

const TIMELESS =
  '–: when it happened was not written down. Postgres keeps the time of a commit only with track_commit_timestamp, Kafka keeps none of an acknowledgement, and a deleted row leaves none. They are known of a webhook whose page was open meanwhile.';

const signs = { done: ['✓', 'done'], waits: ['…', 'waits'], bad: ['✕', 'failed'] } as const;

/** The way of one webhook. */
export function timeline(way: Way): Html {
  const all = steps(way);
  const timeless = all.some(({ state, at }) => state === 'done' && at === undefined);
  const items = all.map(({ name, state, at, seen = false, note }) => {
    const after = at === undefined ? undefined : (at.getTime() - way.run.received_at.getTime()) / 1000;
    const when =
      at === undefined
        ? html`<span class="when">${state === 'waits' ? '' : UNKNOWN}</span>`
        : html`<span class="when">${seen ? 'seen ' : ''}${time(at)}</span>`;
    const [sign, word] = signs[state];
    return html`<li class="step ${state}">
      <span class="sign"><span aria-hidden="true">${sign}</span><span class="hidden">${word}</span></span>
      <span class="name">${name}</span>${when}<span class="after">${after === undefined || after <= 0 ? '' : `+${seconds(after)}`}</span>
      <div class="note">${note}</div>
    </li>`;
  });
  const complete = isComplete(way);
  return html`<p class="outcome" data-complete="${complete ? 'yes' : 'no'}">
      ${complete ? 'Its way is complete.' : 'It is on its way. This page follows it.'}
    </p>
    <ol class="timeline">
      ${items}
    </ol>
    ${timeless ? html`<p class="about">${TIMELESS}</p>` : nothing}
    <p class="about">Trace: <code>${shown(traceIdOf(way.run) ?? 'none')}</code></p>`;
}

/** The webhook's metadata and headers, behind a click. They are the sender's, so they are shown as text only. */
export function content({ metadata, headers }: { metadata: string; headers: string }): Html {
  const part = (title: string, text: string) => {
    const cut = text.length > MOST_CHARACTERS;
    return html`<details>
      <summary>${title} (${text.length} characters)</summary>
      <pre tabindex="0" dir="ltr"><bdi>${shown(text.slice(0, MOST_CHARACTERS))}</bdi></pre>
      ${cut ? html`<p>The first ${MOST_CHARACTERS} characters.</p>` : nothing}
    </details>`;
  };
  return html`${part('Metadata', metadata)}${part('Headers', headers)}`;
}

export const runActs = (id: string): Html =>
  html`<p class="buttons">
    <a class="button" href="/acts/replay?run=${id}&amp;asked=yes">Replay its event…</a>
    <a class="button" href="/acts/rerun?ids=${id}&amp;asked=yes">Make its calls once more…</a>
  </p>`;

export function findPage(values: { id: string; zap: string; at: string }, found: readonly Listed[] | undefined): Html {
  const rows = (found ?? []).map(
    ({ id, zap, received_at: at, bytes }) =>
      html`<tr>
        <td>
          <a href="/runs/${id}"><code>${id}</code></a>
        </td>
        <td><bdi>${zap}</bdi></td>
        <td>${time(at)}</td>
        <td>${bytes}</td>
      </tr>`,
  );
  const result =
    found === undefined
      ? nothing
      : found.length === 0
        ? html`<p class="empty">No run fits: none was stored, or it was erased, or it is older than cleanup keeps runs.</p>`
        : wideTable('Runs', ['Run', 'Zap', 'Received', 'Bytes'], rows);
  return html`<div class="halves">
      <form class="panel fields" method="get" action="/runs">
        <h2>By its id</h2>
        ${textField({ name: 'id', label: 'Run', hint: 'The id in the answer to the webhook' }, values.id)}
        <p><button>Find</button></p>
      </form>
      <form class="panel fields" method="get" action="/runs">
        <h2>By zap and time</h2>
        ${textField({ name: 'zap', label: 'Zap', hint: 'userId/zapId' }, values.zap)}
        ${textField({ name: 'at', label: 'Time', hint: 'Five minutes around it; none: the newest. 2026-11-24T10:00:00Z, or an age such as 2h' }, values.at)}
        <p><button>Find</button></p>
      </form>
    </div>
    ${result}`;
}

export const testPage = (values: { zap: string; body: string }, csrf: string, readOnly: boolean): Html =>
  readOnly
    ? html`<p class="panel empty">This page is read-only: CONSOLE_READ_ONLY is set.</p>`
    : html`<form class="panel fields" method="post" action="/test">
        <p>Posts a webhook through ingest, as any sender does, and follows it.</p>
        <input type="hidden" name="csrf" value="${csrf}" />
        ${textField({ name: 'zap', label: 'Zap', hint: 'userId/zapId' }, values.zap)}
        ${textField({ name: 'body', label: 'JSON', lines: 8 }, values.body)}
        <p><button class="strong">Send it</button></p>
      </form>`;
