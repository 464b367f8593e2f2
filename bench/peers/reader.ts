import { createKafka } from '../../kit/kafka.ts';
import type { StackConfig } from '../../stack/config.ts';
import { kafkaFor } from '../../stack/kafka-logins.ts';

/** A row that was inserted, and what the topic's reader saw of it. */
export interface Sent {
  zap: string;
  /** Its place among the rows of its zap. */
  place: number;
  /** When COMMIT was answered; NaN before. performance.now(), ms. */
  committedAt: number;
  arrivedAt: number;
}

/** What was sent and read since the phase began. */
export interface Phase {
  sent: Map<string, Sent>;
  arrived: number;
  repeated: number;
  /** First arrivals after a later row of the same zap. */
  reordered: number;
}

export interface Reader {
  /** Forgets the last phase: records of its rows are ignored from now on. */
  begin: () => Phase;
  stop: () => Promise<void>;
}

/** Reads all topics of the contestants, for the whole run, in this process: one clock measures both ends. */
export async function startReader(config: StackConfig, topics: string[]): Promise<Reader> {
  const consumer = createKafka(kafkaFor(config, 'admin'), { clientId: 'bench' }).consumer({
    groupId: `bench-peers-${process.pid}`,
    readUncommitted: false,
  });
  let phase = emptyPhase();
  let latest = new Map<string, number>();
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      const now = performance.now();
      for (const { key, headers } of batch.messages) {
        const row = phase.sent.get((headers?.id ?? key ?? '').toString());
        if (row === undefined) continue;
        if (!Number.isNaN(row.arrivedAt)) {
          phase.repeated += 1;
          continue;
        }
        row.arrivedAt = now;
        phase.arrived += 1;
        const last = latest.get(row.zap) ?? -1;
        if (row.place < last) phase.reordered += 1;
        else latest.set(row.zap, row.place);
      }
    },
  });
  return {
    begin: () => {
      phase = emptyPhase();
      latest = new Map();
      return phase;
    },
    stop: () => consumer.disconnect(),
  };
}

const emptyPhase = (): Phase => ({ sent: new Map(), arrived: 0, repeated: 0, reordered: 0 });
