import kafkajs, { type Admin } from 'kafkajs';
import './quiet-kafkajs.ts';

/** The settings in force of a topic or a broker (by its node id). */
export async function readConfigs(admin: Admin, kind: 'topic' | 'broker', name: string): Promise<ReadonlyMap<string, string>> {
  const type = kind === 'topic' ? kafkajs.ConfigResourceTypes.TOPIC : kafkajs.ConfigResourceTypes.BROKER;
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name }] });
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
}
