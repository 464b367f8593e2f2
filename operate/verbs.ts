import { actions } from './actions.ts';
import { acceptTopic } from './accept-topic.ts';
import { dead } from './dead.ts';
import { doctor } from './doctor.ts';
import { explain } from './explain.ts';
import { pause, resume } from './pause.ts';
import { reconcile } from './reconcile.ts';
import { rebuild, replay } from './replay.ts';
import { status } from './status.ts';
import type { Verb } from './verb.ts';

/** The verbs in the order of the help; the README's list is printed from it. */
export const verbs: Readonly<Record<string, Verb>> = {
  status,
  doctor,
  pause,
  resume,
  dead,
  replay,
  rebuild,
  explain,
  reconcile,
  'accept-topic': acceptTopic,
  actions,
};
