import { existsSync, readFileSync } from 'node:fs';
import type { Goal, Spread } from '../bench/figures.ts';
import type { Machine } from '../bench/machine.ts';
import type { PeerResult, Peers } from '../bench/peers/result.ts';

// What the benchmarks wrote that docs/performance.md has a section about.

type LimitName = 'insert' | 'decode' | 'producer';
export interface Limits extends Machine, Record<LimitName | 'chain', Spread> {
  share: Record<LimitName, number>;
}

export interface Growth extends Machine {
  events: number;
  atEach: { events: number; perSecond: number; sizeMb: number; depth: number }[];
  goals: Goal[];
  samples: { seconds: number; depth: number; sizeMb: number }[];
}

export interface Chain extends Machine {
  accepted: Spread;
  deleted: Spread;
  /** Of ingest's answers. */
  p99Ms: Spread;
  /** Part → share of a core, while nothing happens. */
  idle: Record<string, number>;
  idleShare: number;
  /** CPU per event by part. */
  rounds: { microseconds: Record<string, number> }[];
}

export interface Backlog extends Machine {
  rows: number;
  /** From the start of Connect until its first record. */
  startSeconds: number;
  publishedPerSecond: number;
  emptiedPerSecond: number;
  goals: Goal[];
}

/** `npm run bench:ingest`, here or on another machine (BENCH_NAME). */
export interface Ingest extends Machine {
  perSecond: Record<'bare' | 'ours' | 'pgbench' | 'transaction', Spread>;
  ofBare: number;
  timesPgbench: number;
  timesTransaction: number;
}

interface Results {
  backlog: Backlog;
  ingest: Ingest;
  'ingest-half': Ingest;
  chain: Chain;
  peers: Peers;
  limits: Limits;
  growth: Growth;
}

/** @returns undefined before it was measured */
export function resultOf<Name extends keyof Results>(name: Name): Results[Name] | undefined {
  const path = new URL(`../bench/results/${name}.json`, import.meta.url);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results[Name]) : undefined;
}

/** It worked in at least one round. */
export type MeasuredPeer = Required<Omit<PeerResult, 'failed'>>;
export const isMeasured = (peer: PeerResult): peer is PeerResult & MeasuredPeer => peer.steady !== undefined;
