import { bytes, count, seconds, UNKNOWN } from '../units.ts';
import { html, shown, type Html } from './html.ts';
import { findingsOf, partIds, stateOf, titles, type PartId, type Placed, type State } from './parts.ts';
import type { View } from './watcher.ts';

// The first page. Its changing parts are fragments: each is the content of the element with its name as id.

const words: Record<State, [sign: string, word: string]> = {
  well: ['✓', 'Works'],
  weak: ['△', 'Weak'],
  broken: ['✕', 'Broken'],
  unsafe: ['‼', 'Unsafe'],
  unknown: ['?', 'Not known'],
};

const mark = (state: State): Html => {
  const [sign, word] = words[state];
  return html`<span class="state ${state}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
};

/** The content of a box: one number, its unit, and a line below. */
interface Figures {
  number: string;
  unit: string;
  note: string;
}

const known = (view: View, part: PartId): boolean => {
  const { silent } = view.snapshot;
  return view.examined && !(part === 'ingest' && silent.has('ingest'));
};

const figures: Record<Exclude<PartId, 'groups'>, (view: View) => Figures> = {
  ingest: ({ point }) => ({ number: count(point.accepted), unit: 'accepted/s', note: 'answered 200' }),
  outbox: ({ snapshot: { outbox } }) => ({
    number: outbox === undefined ? UNKNOWN : `${outbox.exact ? '' : '≈ '}${count(outbox.rows)}`,
    unit: outbox?.rows === 1 ? 'row waits' : 'rows wait',
    note:
      outbox === undefined
        ? 'Postgres is away'
        : outbox.oldest === undefined
          ? 'none is old'
          : `oldest ${seconds(outbox.oldest.ageSeconds)}`,
  }),
  slot: ({ snapshot: { slot, outbox } }) => ({
    number: bytes(slot?.keptBytes),
    unit: 'WAL behind',
    note:
      slot === undefined
        ? outbox === undefined
          ? 'Postgres is away'
          : 'missing'
        : `${slot.active ? 'read' : 'nobody reads it'}, ${slot.walStatus}`,
  }),
  connect: ({ snapshot: { connector, paused } }) => ({
    number: connector === undefined ? UNKNOWN : String(connector.tasks.filter(({ state }) => state === 'RUNNING').length),
    unit: 'task runs',
    note: paused === undefined ? (connector?.connector.state.toLowerCase() ?? 'does not answer') : 'paused by an operator',
  }),
  topic: ({ point, snapshot }) => ({
    number: count(point.published),
    unit: 'events/s',
    note: snapshot.end === undefined ? 'Kafka is away' : `${count(snapshot.end)} in all`,
  }),
  actions: ({ point, failing }) => {
    const targets = new Set([...failing.letters.map(({ target }) => target), ...failing.disabled.map(({ target }) => target)]).size;
    return {
      number: count(point.calls),
      unit: 'calls/s',
      note: targets === 0 ? 'no target fails' : `${targets} ${targets === 1 ? 'target fails' : 'targets fail'}`,
    };
  },
  cleanup: ({ point, snapshot: { stop } }) => ({
    number: count(point.deleted),
    unit: 'deleted/s',
    note: stop === undefined ? 'acknowledged' : 'stopped',
  }),
};

const box = (name: string, state: State, { number, unit, note }: Figures): Html =>
  html`<span class="name">${name}</span>${mark(state)}<span class="number">${number}</span><span class="unit">${unit}</span
    ><span class="note">${note}</span>`;

/** Cleanup's own group is the last box of the chain. */
const groupNames = ({ snapshot, ownGroup }: View): string[] =>
  snapshot.groups
    .map(({ group }) => group)
    .filter((group) => group !== ownGroup)
    .slice(0, 12);
const groupId = (group: string) => `group-${encodeURIComponent(group)}`;

function groupBox(view: View, group: string): Html {
  const found = view.snapshot.groups.find((one) => one.group === group);
  const names = groupNames(view);
  const state = stateOf(findingsOf(view.findings, 'groups', group, names), view.examined && found !== undefined);
  const behind = found === undefined ? undefined : view.secondsBehind(found.lag);
  const note = found === undefined ? 'not seen' : found.lag === 0 ? 'nothing waits' : `about ${seconds(behind)} behind`;
  return box(shown(group), state, { number: count(found?.lag), unit: found?.lag === 0 ? 'up to date' : 'events behind', note });
}

function summary({ findings, examined, snapshot }: View): Html {
  if (snapshot.silent.has('postgres')) return html`${mark('broken')} Postgres is away: webhooks are refused, and counts stand still.`;
  if (!examined) return html`${mark('unknown')} The first examination takes a few seconds.`;
  const state = stateOf(findings, true);
  if (state === 'well') return html`${mark('well')} Every check passed.`;
  const grave = findings.filter(({ grade }) => grade !== 'weak').length;
  const text =
    grave === 0
      ? 'Events flow. Some things are worse than they should be.'
      : grave === 1
        ? 'One finding needs you.'
        : `${grave} findings need you.`;
  return html`${mark(state)} ${text}`;
}

/** The findings, why they matter and what ends them. */
function findingsList(findings: readonly Placed[], examined: boolean): Html {
  if (findings.length === 0) return html`<p class="empty">${examined ? 'No findings: every check passed.' : 'Being examined…'}</p>`;
  const item = ({ code, grade, part, found, why, remedy }: Placed) =>
    html`<li class="finding ${grade}">
      <h3>${mark(grade)} <a href="/parts/${part}">${titles[part]}</a> <code>${code}</code></h3>
      <p>${shown(found)}</p>
      <p><strong>Why it matters:</strong> ${why}</p>
      <p><strong>Do:</strong> <span class="command">${shown(remedy)}</span></p>
    </li>`;
  return html`<ul class="findings">
    ${findings.map(item)}
  </ul>`;
}

const latest = (entries: [string, string, string][]): Html =>
  html`${entries.map(([key, label, value]) => html`<span class="key ${key}"><i aria-hidden="true"></i>${label} <b>${value}</b></span>`)}`;

/** Every fragment: the id of its element → its content. */
export function fragments(view: View): Map<string, string> {
  const { point, snapshot, findings, examined } = view;
  const all: [string, Html][] = [
    ['summary', summary(view)],
    ['clock', html`${new Date(snapshot.at).toISOString().slice(11, 19)} UTC`],
    ['findings', findingsList(findings, examined)],
    [
      'key-throughput',
      latest([
        ['a', 'accepted', `${count(point.accepted)}/s`],
        ['b', 'published', `${count(point.published)}/s`],
        ['c', 'deleted', `${count(point.deleted)}/s`],
      ]),
    ],
    [
      'key-latency',
      latest([
        ['a', 'p50', seconds(point.p50)],
        ['b', 'p99', seconds(point.p99)],
      ]),
    ],
    ['key-depth', latest([['a', 'rows', count(point.depth)]])],
    ['key-lag', latest([['a', 'events', count(point.lag)]])],
    ...partIds.map((part): [string, Html] => [`findings-${part}`, findingsList(findingsOf(findings, part), examined)]),
    ...groupNames(view).map((group): [string, Html] => [groupId(group), groupBox(view, group)]),
  ];
  for (const part of partIds) {
    if (part === 'groups') continue;
    all.push([`box-${part}`, box(titles[part], stateOf(findingsOf(findings, part), known(view, part)), figures[part](view))]);
  }
  return new Map(all.map(([id, content]) => [id, String(content)]));
}

const chart = (name: string, title: string, about: string, key: Html): Html =>
  html`<figure class="panel chart">
    <figcaption>
      <h2>${title}</h2>
      <span class="about">${about}</span>
    </figcaption>
    <div class="plot" id="plot-${name}" role="img" aria-label="${title}: ${about}, over the last hour. The newest values are below."></div>
    <p class="keys" id="key-${name}">${key}</p>
  </figure>`;

/** @param parts the fragments, already markup */
export function overview(view: View, part: (id: string) => Html): Html {
  const link = (id: string, href: string) => html`<a class="box" href="${href}" id="${id}">${part(id)}</a>`;
  const names = groupNames(view);
  const groups = names.map((group) => html`<div>${link(groupId(group), '/parts/groups')}</div>`);
  const step = (id: PartId) =>
    id === 'groups'
      ? html`<li class="stack">
          ${names.length === 0 ? html`<a class="box" href="/parts/groups"><span class="name">Groups</span><span class="note">none seen yet</span></a>` : groups}
        </li>`
      : html`<li>${link(`box-${id}`, `/parts/${id}`)}</li>`;
  return html`<section aria-labelledby="chain-title">
      <h2 id="chain-title" class="hidden">The chain</h2>
      <ol class="chain">
        ${partIds.map(step)}
      </ol>
    </section>
    <div class="columns">
      <section class="charts" aria-label="The last hour">
        ${chart('throughput', 'Throughput', 'events per second', part('key-throughput'))}
        ${chart('latency', 'Latency', 'from receipt to handled', part('key-latency'))}
        ${chart('depth', 'Outbox', 'rows that wait', part('key-depth'))}
        ${chart('lag', 'Lag', 'events, of the slowest group', part('key-lag'))}
        <p class="about wide">Lines have gaps where nobody had this page open.</p>
      </section>
      <div class="panel side">
        <h2 id="findings-title">Findings</h2>
        <div id="findings" class="scroll" tabindex="0" role="region" aria-labelledby="findings-title">${part('findings')}</div>
      </div>
    </div> `;
}
