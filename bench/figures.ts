// Figures and goals that several benchmarks share.

export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** Of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN, sorted[Math.floor(sorted.length / 2)] ?? NaN];
  return (below + above) / 2;
}

export const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  least: Math.min(...values),
  most: Math.max(...values),
});

export interface Goal {
  goal: string;
  measured: string;
  met: boolean;
}

/** Prints at the end of a run whether each goal was met. */
export function printGoals(goals: readonly Goal[]): void {
  for (const { goal, measured, met } of goals) process.stdout.write(`${met ? 'met    ' : 'NOT MET'} ${goal}: ${measured}\n`);
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
}

export const atLeast = (what: string, value: number, least: number, digits = 0): Goal => ({
  goal: `${what} ≥ ${least}`,
  measured: value.toFixed(digits),
  met: value >= least,
});

export const atMost = (what: string, value: number, most: number, digits = 0): Goal => ({
  goal: `${what} ≤ ${most}`,
  measured: value.toFixed(digits),
  met: value <= most,
});
