import { discarding, enabling, rerunning, retrying, type Chosen } from '../actions.ts';
import { moment, reason, runId, zap } from '../arguments.ts';
import { requeuing } from '../buried.ts';
import { pausing, resuming } from '../pause.ts';
import { comparing } from '../reconcile.ts';
import { replaying } from '../replay.ts';
import type { Work } from '../verb.ts';

// The acts of the page. They run the work of the command line's verbs, so both refuse the same input.

export interface Field {
  name: string;
  label: string;
  hint?: string;
  kind?: 'check' | 'lines';
}

export type Values = Readonly<Record<string, string>>;

export interface Act {
  title: string;
  about: string;
  fields: readonly Field[];
  /** The result of a dry run, shown before the person confirms. */
  preview?: (values: Values) => Work;
  /** @throws InvalidArgumentError or UsageError when the values are invalid */
  work: (values: Values) => Work;
}

const ids: Field = { name: 'ids', label: 'Ids of runs', hint: 'One per line', kind: 'lines' };
const ofZap: Field = { name: 'zap', label: 'Zap', hint: 'userId/zapId' };
const target: Field = { name: 'target', label: 'Target', hint: 'Its name in actions.json' };
const since: Field = { name: 'since', label: 'Since', hint: '2026-11-24T10:00:00Z, or an age: 90s, 30m, 2h, 7d' };
const until: Field = { name: 'until', label: 'Until', hint: 'Now, unless given' };
const all: Field = { name: 'all', label: 'Every one', kind: 'check' };

const given = <T>(values: Values, name: string, parse: (text: string) => T): T | undefined => {
  const text = values[name]?.trim() ?? '';
  return text === '' ? undefined : parse(text);
};
const idsOf = (values: Values): string[] =>
  (values.ids ?? '')
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(runId);
const isSet = (values: Values, name: string) => (values[name] ?? '') !== '';
const chosen = (values: Values): Chosen => ({
  ids: idsOf(values),
  zap: given(values, 'zap', zap),
  target: given(values, 'target', String),
  since: given(values, 'since', moment),
  all: isSet(values, 'all'),
});
const replay = (dry: boolean) => (values: Values) =>
  replaying(
    {
      zap: given(values, 'zap', zap),
      since: given(values, 'since', moment),
      until: given(values, 'until', moment),
      run: given(values, 'run', runId),
    },
    dry,
  );

export const acts: Readonly<Record<string, Act>> = {
  retry: {
    title: 'Retry calls that were given up',
    about: 'They are due at once, with all their attempts.',
    fields: [ids, ofZap, target, since, all],
    work: (values) => retrying(chosen(values)),
  },
  discard: {
    title: 'Discard calls that were given up',
    about: 'They are never made.',
    fields: [ids, target, all],
    work: (values) => discarding(chosen(values)),
  },
  enable: {
    title: 'Enable a target',
    about: 'A target that answered 410 is called again.',
    fields: [target],
    work: (values) => enabling(given(values, 'target', String) ?? ''),
  },
  rerun: {
    title: 'Make calls once more',
    about: 'The calls of these runs, or of a zap since a time, even the successful ones.',
    fields: [ids, ofZap, since],
    work: (values) => rerunning(chosen(values)),
  },
  replay: {
    title: 'Replay events',
    about: 'Sends the events of a zap since a time, or of one run, again, with the same ids and bytes.',
    fields: [ofZap, since, until, { name: 'run', label: 'Or one run', hint: 'Its id' }],
    preview: replay(true),
    work: replay(false),
  },
  requeue: {
    title: 'Requeue buried rows',
    about: 'Events that could not be published go back into the outbox.',
    fields: [ids, all],
    work: (values) => requeuing(idsOf(values), isSet(values, 'all')),
  },
  reconcile: {
    title: 'Check that every run arrived',
    about: 'Lists each run since a time that is neither in the outbox, on the topic nor buried. Changes nothing.',
    fields: [since],
    work: (values) => comparing(given(values, 'since', moment) ?? moment('')),
  },
  pause: {
    title: 'Pause publishing',
    about: 'Webhooks are still accepted; their rows wait in the outbox until resume.',
    fields: [{ name: 'because', label: 'Reason', hint: 'Shown on this page and by status' }],
    work: (values) => pausing(given(values, 'because', reason)),
  },
  resume: {
    title: 'Resume publishing',
    about: 'Ends a pause.',
    fields: [],
    work: () => resuming,
  },
};
