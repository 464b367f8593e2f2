// Figures and goals that several benchmarks share.

export interface Spread {
  median: number;
  least: number;
  most: number;
}

export const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
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
