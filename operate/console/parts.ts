import { gravestFirst, type Finding, type System } from '../../checks/check.ts';
import { unreachableFinding } from '../diagnose.ts';
import type { Snapshot, Service } from './sources.ts';

/** The chain, in the order in which an event goes through it. */
export const partIds = ['ingest', 'outbox', 'slot', 'connect', 'topic', 'groups', 'actions', 'cleanup'] as const;
export type PartId = (typeof partIds)[number];

export const titles: Record<PartId, string> = {
  ingest: 'Ingest',
  outbox: 'Outbox',
  slot: 'Slot',
  connect: 'Connect',
  topic: 'Topic',
  groups: 'Groups',
  actions: 'Actions',
  cleanup: 'Cleanup',
};

/** A finding and the part of the chain that it is about. */
export interface Placed extends Finding {
  part: PartId;
}

const places: [RegExp, PartId][] = [
  [/^(POSTGRES_|OUTBOX_|DATABASE_|DURABILITY|MIGRATIONS)/, 'outbox'],
  [/^(SLOT_|OTHER_SLOTS|SHARDS_|WAL_)/, 'slot'],
  [/^(KAFKA_|TOPIC_|HELPER_TOPIC|REPLICATION|RECORD_SIZE|REGISTRY_|SCHEMA_|COMPATIBILITY)/, 'topic'],
  [/^(ACK_GROUP|GROUP_)/, 'groups'],
  [/^(CLEANUP_|ACK_NONE)/, 'cleanup'],
];

/** The part of each code of the doctor; a code that is missing here is about the connector. */
export const partOf = (code: string): PartId => places.find(([pattern]) => pattern.test(code))?.[1] ?? 'connect';

const why: Record<Service, string> = {
  ingest: 'No webhook is taken while it is down: senders must send again.',
  watch: 'What the connector does not repair by itself stays broken.',
  cleanup: 'Nobody deletes what is acknowledged: the outbox grows.',
  consumer: 'Its events wait on the topic, and cleanup waits for its group.',
  actions: 'No webhook of an action is called; events wait on the topic.',
};
const partOfService: Record<Service, PartId> = {
  ingest: 'ingest',
  watch: 'connect',
  cleanup: 'cleanup',
  consumer: 'groups',
  actions: 'actions',
};
const systems: readonly string[] = ['postgres', 'kafka', 'connect', 'registry'] satisfies System[];

/** The findings that a snapshot alone shows, in the doctor's words. They come sooner than the doctor's, which checks much more. */
function seenAtOnce({ silent }: Snapshot): Placed[] {
  return [...silent].map(([name, reason]) => {
    if (systems.includes(name)) {
      const finding = unreachableFinding(name as System, reason);
      return { ...finding, part: partOf(finding.code) };
    }
    const service = name as Service;
    return {
      ...{ code: 'SERVICE_SILENT', grade: service === 'watch' ? 'weak' : 'broken', part: partOfService[service] },
      ...{
        found: `${service}: ${reason.message}`,
        why: why[service],
        remedy: `Start it (make up), or see its log: make logs PART=${service}`,
      },
    };
  });
}

/** The findings of the doctor and of the last snapshot, the gravest first, each code once per part. */
export function merged(doctors: readonly Finding[], snapshot: Snapshot, more: readonly Placed[]): Placed[] {
  const unreachable = /^(POSTGRES|KAFKA|CONNECT)_UNREACHABLE$|^CONNECT_LOGIN$/;
  // The last snapshot is newer, so it decides which systems answer.
  const placed = doctors.filter(({ code }) => !unreachable.test(code)).map((finding) => ({ ...finding, part: partOf(finding.code) }));
  return gravestFirst([...seenAtOnce(snapshot), ...placed, ...more]);
}

export type State = 'well' | 'weak' | 'broken' | 'unsafe' | 'unknown';

/** The gravest of the findings, which are sorted. */
export const stateOf = (findings: readonly Placed[], known: boolean): State => findings[0]?.grade ?? (known ? 'well' : 'unknown');

/** @param group keeps findings that name this group or no group */
export function findingsOf(findings: readonly Placed[], part: PartId, group?: string, groups: readonly string[] = []): Placed[] {
  const ofPart = findings.filter((finding) => finding.part === part);
  if (group === undefined) return ofPart;
  const names = (text: string, name: string) => new RegExp(`(^|[^\\w-])${name.replace(/[^\w-]/g, '\\$&')}($|[^\\w-])`).test(text);
  return ofPart.filter(({ found }) => names(found, group) || !groups.some((other) => names(found, other)));
}
