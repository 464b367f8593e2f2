import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { databaseUrl, type StackConfig } from './config.ts';
import { connectEnv, registryEnv } from './http-logins.ts';
import { kafkaEnv } from './kafka-logins.ts';

const path = (dir: string) => join(dir, 'operator.env');

/**
 * What the operator's commands need to find this stack, in the form of a .env file: `npm run outbox` reads it, so that
 * nothing has to be exported. It holds passwords.
 */
export function writeOperatorEnv(config: StackConfig, ackGroups: readonly string[]): void {
  const settings = {
    DATABASE_URL: databaseUrl(config, 'operator'),
    ...kafkaEnv(config, 'operator'),
    ...connectEnv(config),
    ...registryEnv(config, 'reader'),
    ACK_GROUPS: ackGroups.join(','),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path(config.dir), lines.join(''), { mode: 0o600 });
}

/** A stack that is down must not be mistaken for one that runs elsewhere under the default addresses. */
export function removeOperatorEnv(dir: string): void {
  rmSync(path(dir), { force: true });
}
