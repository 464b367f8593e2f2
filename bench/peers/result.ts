import type { Goal, Spread } from '../figures.ts';
import type { Machine } from '../machine.ts';

/** Medians of the rounds in which it worked, and the sums of what the kills did. */
export interface PeerResult {
  name: string;
  title: string;
  version: string;
  rounds?: number;
  failed?: string[];
  steady?: { keepsUp: boolean; delivered: Spread; p50: Spread; p99: Spread; cpuMicros: Spread };
  drain?: { perSecond: Spread; cpuMicros: Spread };
  memoryMb?: Spread;
  kill?: { events: number; lost: number; waiting: number; repeated: number; reordered: number };
}
export interface Peers extends Machine {
  versions: Record<'postgres' | 'kafka' | 'debezium', string>;
  rate: number;
  backlogRows: number;
  waitSeconds: { steady: number; kill: number };
  contestants: PeerResult[];
  goals: Goal[];
}
