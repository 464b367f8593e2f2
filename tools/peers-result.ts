import { existsSync, readFileSync } from 'node:fs';
import type { Goal, Spread } from '../bench/figures.ts';
import type { Machine } from '../bench/machine.ts';
import type { PeerResult, Peers } from '../bench/peers/result.ts';

// What bench:peers, bench:limits and bench:growth wrote.

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

interface Results {
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
