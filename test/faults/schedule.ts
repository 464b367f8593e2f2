import { createRandom } from './random.ts';

/** One fault of a run. */
export interface Step {
  step: number;
  /** It begins when so many events were accepted, when that takes too long, or at once when the one before says so. */
  at: number;
  fault: string;
  /** The part or link that it is about; '' for one that is about the whole stack. */
  part: string;
  /** Milliseconds that it lasts. */
  holdMs: number;
  /** What comes next: at once, while this one lasts; as it comes, after this one; or when everything came to rest. */
  then: 'overlap' | 'go on' | 'rest';
}

/** A fault as the schedule sees it. */
export interface Kind {
  name: string;
  parts: readonly string[];
  /** Least and most milliseconds that it lasts. */
  holdMs: readonly [number, number];
}

export interface Wanted {
  seed: number;
  events: number;
  /** Kills of a part, each part at least twice when there are enough. */
  kills: number;
  /** Other faults in between. */
  others: number;
  /** What every run has, once. */
  always: readonly string[];
}

/** The same arguments give the same schedule. The kinds are dealt like cards: none repeats before each came once. */
export function makeSchedule(kinds: readonly Kind[], { seed, events, kills, others, always }: Wanted): Step[] {
  const random = createRandom(seed);
  const cards = (chosen: readonly Kind[]) => chosen.flatMap((kind) => kind.parts.map((part) => ({ kind, part })));
  const deal = (deck: ReturnType<typeof cards>, count: number) => {
    const dealt: typeof deck = [];
    while (deck.length > 0 && dealt.length < count) dealt.push(...random.shuffle(deck).slice(0, count - dealt.length));
    return dealt;
  };
  const isKill = ({ name }: Kind) => name === 'kill';
  const isAlways = ({ name }: Kind) => always.includes(name);
  const drawn = random.shuffle([
    ...deal(cards(kinds.filter(isKill)), kills),
    ...cards(kinds.filter(isAlways)).slice(0, always.length),
    ...deal(cards(kinds.filter((kind) => !isKill(kind) && !isAlways(kind))), others),
  ]);
  return drawn.map(({ kind, part }, index) => ({
    step: index + 1,
    at: Math.round((events * (index + 0.5)) / drawn.length),
    fault: kind.name,
    part,
    holdMs: random.between(...kind.holdMs),
    then: random.pick(['overlap', 'go on', 'rest', 'rest'] as const),
  }));
}

const AFTER = { overlap: ', the next one meanwhile', 'go on': '', rest: ', then rest' } as const;

export function printStep({ step, at, fault, part, holdMs, then }: Step): string {
  const lasts = holdMs > 0 ? ` for ${(holdMs / 1000).toFixed(1)} s` : '';
  return `${String(step).padStart(4)}  after ${String(at).padStart(7)} events  ${[fault, part].filter(Boolean).join(' ')}${lasts}${AFTER[then]}`;
}

/**
 * A schedule that somebody chose: `fault[:part[:seconds]]`, separated by commas; `&` at the end of one begins the next
 * while it lasts, `.` lets everything come to rest before.
 *
 * @throws naming what there is, when a fault or part is unknown
 */
export function parseSchedule(text: string, kinds: readonly Kind[], events: number): Step[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.map((entry, index) => {
    const [name = '', part = '', seconds] = entry.replace(/[&.]$/, '').split(':');
    const kind = kinds.find((one) => one.name === name);
    if (kind === undefined) throw new Error(`there is no fault "${name}", only: ${kinds.map((one) => one.name).join(', ')}`);
    if (!kind.parts.includes(part)) throw new Error(`${name} needs one of: ${kind.parts.join(', ')}`);
    const then = entry.endsWith('&') ? 'overlap' : entry.endsWith('.') ? 'rest' : 'go on';
    const holdMs = seconds === undefined ? kind.holdMs[0] : Number(seconds) * 1000;
    return { step: index + 1, at: Math.round((events * (index + 0.5)) / entries.length), fault: name, part, holdMs, then };
  });
}
