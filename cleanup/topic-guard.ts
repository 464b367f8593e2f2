import type { Sight } from './kafka.ts';
import type { Known, Stop } from './state.ts';

/** How often in a row a position beyond the end must be seen: an end that is read from a lagging replica may be old. */
const SIGHTINGS = 3;

type Judge = (known: Known | undefined, sight: Sight) => Stop | undefined;

/**
 * Tells a topic that can be trusted from one whose offsets no longer mean what they meant when they were committed. A
 * verdict is final: it stays in force until the operator has looked (`npm run outbox -- accept-topic`).
 */
export function createGuard(): Judge {
  let beyondEnd = 0;
  return (known, sight) => {
    const stop = judgeTopic(known, sight) ?? judgeOwnPosition(sight);
    if (stop !== undefined) return stop;
    const beyond = judgePositions(sight);
    beyondEnd = beyond === undefined ? 0 : beyondEnd + 1;
    return beyondEnd >= SIGHTINGS ? beyond : undefined;
  };
}

function judgeTopic(known: Known | undefined, { clusterId, ends, cleanupPolicy }: Sight): Stop | undefined {
  if (cleanupPolicy !== 'delete') {
    const detail = `cleanup.policy is ${cleanupPolicy}: compaction hides earlier events of a zap from a slow reader`;
    return { code: 'CLEANUP_POLICY', detail };
  }
  if (known === undefined) return undefined;
  if (known.clusterId !== clusterId) {
    return { code: 'CLUSTER_CHANGED', detail: `this is the Kafka cluster ${clusterId}, it was ${known.clusterId}` };
  }
  for (const [partition, known_] of known.ends) {
    const end = ends.get(partition);
    if (end !== undefined && end >= known_) continue;
    const now = end === undefined ? 'is gone' : `ends at ${end}`;
    return { code: 'TOPIC_SHRANK', detail: `partition ${partition} ${now}, it ended at ${known_}: the topic was made anew or cut off` };
  }
  const added = [...ends.keys()].filter((partition) => !known.ends.has(partition));
  if (known.ends.size === 0 || added.length === 0) return undefined;
  const detail = `the topic has grown from ${known.ends.size} to ${ends.size} partitions: keys move to others, and events of a zap may be read out of order`;
  return { code: 'PARTITIONS_GREW', detail };
}

/** Records between the own position and the start of the log were never read back: their rows are still there. */
function judgeOwnPosition({ own, starts }: Sight): Stop | undefined {
  for (const [partition, position] of own) {
    const start = starts.get(partition) ?? 0n;
    if (position >= start) continue;
    const detail = `partition ${partition} begins at ${start}, cleanup is at ${position}: records were removed before cleanup read them`;
    return { code: 'POSITION_OUT_OF_RANGE', detail };
  }
  return undefined;
}

function judgePositions({ own, groups, ends }: Sight): Stop | undefined {
  for (const [group, offsets] of [['cleanup', own] as const, ...groups]) {
    for (const [partition, offset] of offsets) {
      const end = ends.get(partition) ?? 0n;
      if (offset <= end) continue;
      const detail = `${group} has committed ${offset} on partition ${partition}, which ends at ${end}: it would count as done what it never saw`;
      return { code: 'COMMITTED_BEYOND_END', detail };
    }
  }
  return undefined;
}
