import type { StackSettings } from './settings.ts';

// PROFILE=cluster runs several copies of a part on the embedded stack, so that one can be lost. There is one watchdog: it may
// be away for a while, and two would make the same repair twice.

const CLUSTER: Readonly<Record<string, number>> = { kafka: 3, connect: 2, ingest: 3, cleanup: 3, consumer: 3, actions: 3 };
/** Between the ports of two copies. */
const PORTS_APART = 100;

export type PortSetting = Extract<keyof StackSettings, `${string}_PORT`>;

/** The numbers of a part's copies, from 1. */
export function copiesOf({ PROFILE }: Pick<StackSettings, 'PROFILE'>, part: string): number[] {
  const count = PROFILE === 'cluster' ? (CLUSTER[part] ?? 1) : 1;
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The first has the part's own name. */
export const copyName = (part: string, copy: number): string => (copy === 1 ? part : `${part}-${copy}`);

export const copyPort = (config: StackSettings, setting: PortSetting, copy: number): number => config[setting] + PORTS_APART * (copy - 1);

/** The ports that a setting stands for: that of each copy of its part. */
export function portsOf(config: StackSettings, setting: PortSetting): number[] {
  const part = setting.split('_')[0]?.toLowerCase() ?? '';
  return copiesOf(config, part).map((copy) => copyPort(config, setting, copy));
}

/** A setting of who makes topics: on a cluster each broker has a copy. */
export const topicCopies = (config: Pick<StackSettings, 'PROFILE'>) =>
  config.PROFILE === 'cluster' ? { TOPIC_REPLICATION_FACTOR: String(copiesOf(config, 'kafka').length) } : {};

/** The names of all copies of a part. */
export const copyNames = (config: Pick<StackSettings, 'PROFILE'>, part: string): string[] =>
  copiesOf(config, part).map((copy) => copyName(part, copy));
