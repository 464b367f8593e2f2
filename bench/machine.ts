import { cpus, loadavg, totalmem } from 'node:os';

/** On what and when a benchmark ran, for its result. */
export interface Machine {
  date: string;
  cpus: number;
  cpu: string;
  memoryGb: number;
  node: string;
  /** The load average of the last minute before the run. Above about 0.5 the machine had other work. */
  loadBefore: number;
}

export const machine = (): Machine => ({
  date: new Date().toISOString(),
  cpus: cpus().length,
  cpu: cpus()[0]?.model ?? 'unknown',
  memoryGb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  loadBefore: loadavg()[0] ?? NaN,
});
