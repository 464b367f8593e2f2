import type { Admin } from 'kafkajs';
import { check, type Check } from './check.ts';
import type { QuotaContext } from './quotas.ts';
import type { RegistryContext } from './registry.ts';
import { EVENT_TOPIC } from '../contract/names.ts';
import { committedOffsets, topicOffsets } from '../kit/kafka-admin.ts';
import { readOutbox } from './outbox.ts';
import { readCleanupStop } from './state.ts';

/** What these checks need besides the context of all checks. */
export interface DoctorContext extends RegistryContext, QuotaContext {
  ackGroups: readonly string[];
  cleanupGroup: string;
  rowAgeSeconds: number;
}

/** The committed offset of a group on each partition (−1: none), and the end of the partition. */
interface Position {
  group: string;
  members: number;
  partitions: { committed: bigint; end: bigint }[];
}

async function readPositions(admin: Admin, groups: readonly string[]): Promise<Position[]> {
  if (groups.length === 0 || !(await admin.listTopics()).includes(EVENT_TOPIC)) return [];
  const described = await admin.describeGroups([...groups]);
  const committed = await Promise.all(groups.map((groupId) => committedOffsets(admin, groupId, EVENT_TOPIC)));
  // The ends are read last, so that a group that moves meanwhile does not seem to be beyond the end.
  const { ends } = await topicOffsets(admin, EVENT_TOPIC);
  return groups.map((group, index) => ({
    group,
    members: described.groups.find(({ groupId }) => groupId === group)?.members.length ?? 0,
    partitions: [...(committed[index] ?? [])].map(([partition, offset]) => ({ committed: offset, end: ends.get(partition) ?? 0n })),
  }));
}

/** The positions of all groups, read once for all checks. */
const readAll = ({ admin, ackGroups, cleanupGroup }: DoctorContext) => readPositions(admin, [...new Set([...ackGroups, cleanupGroup])]);
const readRows = ({ pool }: DoctorContext) => readOutbox(pool);

const needs = ['kafka'] as const;

const ackNone = check({
  code: 'ACK_NONE',
  grade: 'weak',
  why: 'A row is deleted as soon as its event is on the topic. An event that a consumer does not read within the retention is not sent again.',
  needs: [],
  read: async ({ ackGroups }: DoctorContext) => ackGroups.length,
  evaluate: (count) =>
    count > 0 ? undefined : { found: 'ACK_GROUPS is empty', remedy: 'Name the groups that must have handled an event.' },
});

const ackUnknown = check({
  code: 'ACK_GROUP_UNKNOWN',
  grade: 'broken',
  why: 'Cleanup waits for the group and deletes nothing: a misspelt name keeps every row.',
  needs,
  read: readAll,
  evaluate: (positions, { ackGroups }) => {
    const unknown = positions.filter(
      ({ group, members, partitions }) =>
        ackGroups.includes(group) && members === 0 && partitions.every(({ committed, end }) => committed < 0n || end === 0n),
    );
    if (unknown.length === 0) return undefined;
    const names = unknown.map(({ group }) => group).join(', ');
    return { found: `no member and never a commit: ${names}`, remedy: 'Start the consumer, or take the group out of ACK_GROUPS.' };
  },
});

const groupAhead = check({
  code: 'GROUP_AHEAD',
  grade: 'unsafe',
  why: 'A position beyond the end marks events as handled that do not exist yet: the topic was re-created, or the group was moved forward.',
  needs,
  read: readAll,
  evaluate: (positions) => {
    const ahead = positions.filter(({ partitions }) => partitions.some(({ committed, end }) => committed > end));
    if (ahead.length === 0) return undefined;
    const names = ahead.map(({ group }) => group).join(', ');
    return {
      found: `committed beyond the end of ${EVENT_TOPIC}: ${names}`,
      remedy: `Stop the group, then: kafka-consumer-groups --command-config … --group <group> --topic ${EVENT_TOPIC} --reset-offsets --to-earliest --execute`,
    };
  },
});

const cleanupIdle = check({
  code: 'CLEANUP_IDLE',
  grade: 'broken',
  why: 'Nobody deletes what is acknowledged: the outbox grows until ingest refuses.',
  needs,
  read: readAll,
  evaluate: (positions, { cleanupGroup }) =>
    positions.some(({ group, members }) => group === cleanupGroup && members === 0)
      ? { found: `the group ${cleanupGroup} has no member`, remedy: 'Start cleanup: npm run cleanup' }
      : undefined,
});

const cleanupStopped = check({
  code: 'CLEANUP_STOPPED',
  grade: 'unsafe',
  why: 'Cleanup found that Kafka lost or replaced the topic, and deletes nothing: events that seem acknowledged may be lost.',
  needs: ['postgres'],
  read: ({ pool }: DoctorContext) => readCleanupStop(pool, EVENT_TOPIC),
  evaluate: (stop) => stop && { found: `${stop.code}: ${stop.detail}`, remedy: 'Fix what it names, then: npm run outbox -- accept-topic' },
});

const buried = check({
  code: 'OUTBOX_BURIED',
  grade: 'broken',
  why: 'These events were answered 200 and are not on the topic.',
  needs: ['postgres'],
  read: readRows,
  evaluate: ({ buried: count, buriedExact }) =>
    count === 0
      ? undefined
      : {
          found: `${buriedExact ? '' : 'at least '}${count} events are buried`,
          remedy: 'npm run outbox -- buried list, fix the cause, then: buried requeue --all',
        },
});

const old = check({
  code: 'OUTBOX_OLD',
  grade: 'broken',
  why: 'Its event was not published, or a group that cleanup waits for is behind.',
  needs: ['postgres'],
  read: readRows,
  evaluate: ({ oldest }, { rowAgeSeconds }) =>
    oldest === undefined || oldest.ageSeconds <= rowAgeSeconds
      ? undefined
      : {
          found: `the oldest row waits for ${Math.round(oldest.ageSeconds)} s: ${oldest.id}`,
          remedy: `npm run outbox -- explain ${oldest.id} and npm run outbox -- status show what it waits for.`,
        },
});

export const groupChecks: readonly Check<DoctorContext>[] = [ackNone, ackUnknown, groupAhead, cleanupIdle, cleanupStopped, buried, old];
