/** A generator that returns the same numbers for the same seed on every machine, so that a run can be repeated. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next: () => number;
  /** A whole number from `least` to `most`, both included. */
  between: (least: number, most: number) => number;
  pick: <T>(from: readonly T[]) => T;
  shuffle: <T>(all: readonly T[]) => T[];
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  const pick = <T>(from: readonly T[]): T => {
    if (from.length === 0) throw new Error('there is nothing to pick from');
    return from[between(0, from.length - 1)] as T;
  };
  const shuffle = <T>(all: readonly T[]): T[] =>
    all
      .map((member) => ({ member, place: next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ member }) => member);
  return { next, between, pick, shuffle };
}
