import { EVENT_TOPIC } from '../contract/names.ts';
import { topicConfigs } from '../kit/kafka-admin.ts';
import { check, type CheckContext } from './check.ts';

// How many copies the records of the event topic have.

interface Copies {
  /** Of the partition that has the fewest. */
  least: number;
  /** Of these, the copies that are up to date: of the partition that has the fewest. */
  inSync: number;
  minInSync: number;
}

async function readCopies({ admin }: CheckContext): Promise<Copies | undefined> {
  if (!(await admin.listTopics()).includes(EVENT_TOPIC)) return undefined;
  const { topics } = await admin.fetchTopicMetadata({ topics: [EVENT_TOPIC] });
  const partitions = topics[0]?.partitions ?? [];
  return {
    least: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    inSync: Math.min(...partitions.map(({ isr }) => isr.length)),
    minInSync: Number((await topicConfigs(admin, EVENT_TOPIC)).get('min.insync.replicas')),
  };
}

export const inSync = check({
  code: 'TOPIC_IN_SYNC',
  grade: 'broken',
  why: 'Kafka refuses every record until enough copies are in sync. The connector waits, and rows wait in the outbox.',
  needs: ['kafka'],
  read: readCopies,
  evaluate: (found) =>
    found === undefined || found.inSync >= found.minInSync
      ? undefined
      : {
          found: `a partition of ${EVENT_TOPIC} has ${found.inSync} copies in sync, min.insync.replicas is ${found.minInSync}`,
          remedy:
            found.least >= found.minInSync
              ? 'Start the brokers that are down: kafka-topics --command-config … --describe --under-min-isr-partitions names them.'
              : `There are ${found.least} copies: kafka-configs --command-config … --alter --entity-type topics --entity-name ${EVENT_TOPIC} --add-config min.insync.replicas=${Math.max(1, found.least - 1)}`,
        },
});

export const copies = check({
  code: 'REPLICATION',
  grade: 'weak',
  why: 'With fewer than three copies, two of them in sync, the loss of one disk loses events whose rows are gone.',
  needs: ['kafka'],
  read: readCopies,
  evaluate: (found) =>
    found === undefined || (found.least >= 3 && found.minInSync >= 2)
      ? undefined
      : {
          found: `${found.least} copies of each record, min.insync.replicas ${found.minInSync}`,
          remedy: 'In production: three brokers, TOPIC_REPLICATION_FACTOR=3, min.insync.replicas=2. A single broker cannot do better.',
        },
});
