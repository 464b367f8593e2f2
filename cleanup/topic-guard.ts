import type { TopicSnapshot } from './kafka.ts';
import type { RememberedTopic, Stop } from './state.ts';

/** How many times in a row a position must be beyond the end: an end read from a lagging replica may be old. */
const SIGHTINGS = 3;

type TopicGuard = (remembered: RememberedTopic | undefined, snapshot: TopicSnapshot) => Stop | undefined;

/**
 * Detects a topic whose offsets no longer mean what they meant when they were committed. A fault is final: it stays
 * until an operator accepts the topic (`npm run outbox -- accept-topic`).
 */
export function createGuard(): TopicGuard {
  let beyondEnd = 0;
  return (remembered, snapshot) => {
    const stop = checkTopic(remembered, snapshot) ?? checkOwnPosition(snapshot);
    if (stop !== undefined) return stop;
    const beyond = checkPositions(snapshot);
    beyondEnd = beyond === undefined ? 0 : beyondEnd + 1;
    return beyondEnd >= SIGHTINGS ? beyond : undefined;
  };
}

function checkTopic(remembered: RememberedTopic | undefined, { clusterId, ends, cleanupPolicy }: TopicSnapshot): Stop | undefined {
  if (cleanupPolicy !== 'delete') {
    const detail = `cleanup.policy is ${cleanupPolicy}: compaction hides earlier events of a zap from a slow reader`;
    return { code: 'CLEANUP_POLICY', detail };
  }
  if (remembered === undefined) return undefined;
  if (remembered.clusterId !== clusterId) {
    return { code: 'CLUSTER_CHANGED', detail: `this is the Kafka cluster ${clusterId}, it was ${remembered.clusterId}` };
  }
  for (const [partition, highest] of remembered.ends) {
    const end = ends.get(partition);
    if (end !== undefined && end >= highest) continue;
    const now = end === undefined ? 'is gone' : `ends at ${end}`;
    return { code: 'TOPIC_SHRANK', detail: `partition ${partition} ${now}, it ended at ${highest}: the topic was re-created or truncated` };
  }
  const added = [...ends.keys()].filter((partition) => !remembered.ends.has(partition));
  if (remembered.ends.size === 0 || added.length === 0) return undefined;
  const detail = `the topic has grown from ${remembered.ends.size} to ${ends.size} partitions: keys move to other partitions, and events of a zap may be read out of order`;
  return { code: 'PARTITIONS_GREW', detail };
}

/** Records between cleanup's position and the start of the log were never read back, and their rows are still there. */
function checkOwnPosition({ own, starts }: TopicSnapshot): Stop | undefined {
  for (const [partition, position] of own) {
    const start = starts.get(partition) ?? 0n;
    if (position >= start) continue;
    const detail = `partition ${partition} begins at ${start}, cleanup is at ${position}: records were removed before cleanup read them`;
    return { code: 'POSITION_OUT_OF_RANGE', detail };
  }
  return undefined;
}

function checkPositions({ own, groups, ends }: TopicSnapshot): Stop | undefined {
  for (const [group, offsets] of [['cleanup', own] as const, ...groups]) {
    for (const [partition, offset] of offsets) {
      const end = ends.get(partition) ?? 0n;
      if (offset <= end) continue;
      const detail = `${group} has committed ${offset} on partition ${partition}, which ends at ${end}: events that it never saw would count as handled`;
      return { code: 'COMMITTED_BEYOND_END', detail };
    }
  }
  return undefined;
}
