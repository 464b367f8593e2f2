import type { Goal, Spread } from '../bench/figures.ts';
import type { Machine } from '../bench/machine.ts';

// Tables and figures as docs/performance.md writes them.

export const table = (head: string[], rows: string[][]) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
export const goalTable = (goals: readonly Goal[]) =>
  table(['Goal', 'Measured', ''], goals.map(({ goal, measured, met }) => [goal, measured, met ? 'met' : '🔴 not met'])); // prettier-ignore
export const whole = ({ median, least, most }: Spread) =>
  least === most ? thousands(median) : `${thousands(median)} (${thousands(least)}–${thousands(most)})`;
export const thousands = (value: number) =>
  value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en');
export const on = ({ date, cpus, cpu, loadBefore }: Machine) =>
  `on ${date.slice(0, 10)} with ${cpus} cores (${cpu}), load average before the run ${loadBefore.toFixed(1)}`;
