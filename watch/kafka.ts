import kafkajs from 'kafkajs';
import '../kit/quiet-kafkajs.ts';
import { CONNECTOR_NAME, EVENT_TOPIC } from '../contract/names.ts';
import type { ConnectApi } from '../kit/connect-api.ts';

/** The producer's own default, where the connector names none. */
const PRODUCER_DEFAULT_BYTES = 1_048_576;

/**
 * The largest record that producer, topic and broker all take at this moment.
 *
 * @throws when one of them cannot be asked: nothing may be buried on a guess
 */
export async function readRecordLimit(brokers: readonly string[], connect: ConnectApi): Promise<number> {
  const connector = await connect.config(CONNECTOR_NAME);
  if (connector === undefined) throw new Error('the connector is not registered');
  const { Kafka, logLevel, ConfigResourceTypes } = kafkajs;
  const admin = new Kafka({ clientId: 'outbox-watch', brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { controller, brokers: nodes } = await admin.describeCluster();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        { type: ConfigResourceTypes.TOPIC, name: EVENT_TOPIC, configNames: ['max.message.bytes'] },
        { type: ConfigResourceTypes.BROKER, name: String(controller ?? nodes[0]?.nodeId), configNames: ['message.max.bytes'] },
      ],
    });
    const limits = resources.map(({ configEntries }) => Number(configEntries[0]?.configValue));
    const limit = Math.min(...limits, Number(connector['producer.override.max.request.size'] ?? PRODUCER_DEFAULT_BYTES));
    if (!(limit > 0)) throw new Error(`Kafka gave no limit: ${limits.join(', ')}`);
    return limit;
  } finally {
    await admin.disconnect();
  }
}
