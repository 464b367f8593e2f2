import { MAX_EVENT_BYTES, RECORD_OVERHEAD_BYTES } from './limits.ts';
import { DEAD_LETTER_TOPIC, EVENT_TOPIC, HEARTBEAT_TOPIC } from './names.ts';

/** What a deployment decides about the topics. */
export interface TopicSettings {
  TOPIC_PARTITIONS: number;
  TOPIC_REPLICATION_FACTOR: number;
  TOPIC_RETENTION_HOURS: number;
  DEAD_LETTER_RETENTION_HOURS: number;
}

export interface TopicPlan {
  topic: string;
  partitions: number;
  replicationFactor: number;
  config: Readonly<Record<string, string>>;
}

/**
 * The topics of the pipeline. Their settings are part of the promise, so topics are never auto-created. Connect's worker
 * creates the topics of its own state.
 */
export function topicPlans(config: TopicSettings): TopicPlan[] {
  const { TOPIC_PARTITIONS: partitions, TOPIC_REPLICATION_FACTOR: replicationFactor } = config;
  const hours = (count: number) => String(count * 3_600_000);
  const minIsr = String(Math.max(1, replicationFactor - 1));
  return [
    {
      topic: EVENT_TOPIC,
      partitions,
      replicationFactor,
      config: {
        // Compaction would hide earlier events of a zap from a slow reader.
        'cleanup.policy': 'delete',
        'retention.ms': hours(config.TOPIC_RETENTION_HOURS),
        // The broker's clock: a wrong clock elsewhere can neither age nor preserve a record.
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': String(MAX_EVENT_BYTES + 2 * RECORD_OVERHEAD_BYTES),
        'min.insync.replicas': minIsr,
        'unclean.leader.election.enable': 'false',
        // The producer's compression (none): kafkajs reads no lz4, snappy or zstd without a codec.
        'compression.type': 'producer',
      },
    },
    {
      topic: DEAD_LETTER_TOPIC,
      partitions: 1,
      replicationFactor,
      config: {
        // Long: a person has to check each record, and may be on holiday.
        'cleanup.policy': 'delete',
        'retention.ms': hours(config.DEAD_LETTER_RETENTION_HOURS),
        'message.timestamp.type': 'LogAppendTime',
        // The largest event, and the headers that say why it is here.
        'max.message.bytes': String(MAX_EVENT_BYTES + 3 * RECORD_OVERHEAD_BYTES),
        'min.insync.replicas': minIsr,
        'unclean.leader.election.enable': 'false',
      },
    },
    {
      topic: HEARTBEAT_TOPIC,
      partitions: 1,
      replicationFactor,
      config: { 'cleanup.policy': 'delete', 'retention.ms': '3600000', 'min.insync.replicas': minIsr },
    },
  ];
}
