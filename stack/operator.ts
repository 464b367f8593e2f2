import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { databaseUrl, type StackConfig } from './config.ts';
import { topicCopies } from './copies.ts';
import { connectEnv, registryEnv } from './http-logins.ts';
import { kafkaEnv, kafkaProperties } from './kafka-logins.ts';
import { writePrivate } from './private-file.ts';

const path = (dir: string) => join(dir, 'operator.env');
/** The super user's login for Kafka's own tools, as their --command-config. */
const kafkaAdminFile = (dir: string) => join(dir, 'kafka-admin.properties');

/**
 * The settings by which the operator's commands find this stack, as a .env file that `npm run outbox` reads. It holds
 * passwords.
 */
export function writeOperatorEnv(config: StackConfig, ackGroups: readonly string[]): void {
  const settings = {
    DATABASE_URL: databaseUrl(config, 'operator'),
    ...kafkaEnv(config, 'operator'),
    ...connectEnv(config),
    ...registryEnv(config, 'reader'),
    ACK_GROUPS: ackGroups.join(','),
    ...topicCopies(config),
  };
  writePrivate(
    path(config.dir),
    Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  );
  writePrivate(kafkaAdminFile(config.dir), kafkaProperties(config, 'admin'));
}

/** A stack that is down must not be mistaken for one that runs elsewhere under the default addresses. */
export function removeOperatorEnv(dir: string): void {
  for (const file of [path(dir), kafkaAdminFile(dir)]) rmSync(file, { force: true });
}
