import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { kafkaGrants } from '../../contract/kafka-grants.ts';
import { aclOf, compareAcls, readAcls } from '../../kit/kafka-acls.ts';
import { kafkaSettings } from '../../kit/kafka-settings.ts';
import { withAdmin as withAdminOf } from '../../kit/kafka-admin.ts';
import { readSettings } from '../../kit/settings.ts';
import { brokerAddress, databaseUrl, kafkaSecret } from '../../stack/config.ts';
import { kafkaClasspath } from '../../stack/jars.ts';
import { findJava } from '../../stack/jdk.ts';
import { kafkaEnv, kafkaProperties } from '../../stack/kafka-logins.ts';
import { withAdmin } from '../support/kafka.ts';
import { uniqueName } from '../support/names.ts';
import { outboxWith } from '../support/operate.ts';
import { grantAgain } from '../support/services.ts';
import { config, query, stack } from '../support/stack.ts';

// What `bootstrap --print` prints, run by bash, psql and Kafka's own tools: a JVM for each line. Needs psql, and the jars of
// the embedded stack.

const machine: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C' };
const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
const database = uniqueName('printed');
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, [], 'postgres');
  await grantAgain();
});

/** Kafka's scripts, which its jars do not bring. */
function writeTools(): void {
  const tools = {
    topics: 'org.apache.kafka.tools.TopicCommand',
    acls: 'org.apache.kafka.tools.AclCommand',
    configs: 'kafka.admin.ConfigCommand',
  };
  for (const [name, main] of Object.entries(tools)) {
    const path = join(folder, `kafka-${name}.sh`);
    writeFileSync(
      path,
      `#!/bin/sh\nexec '${findJava(machine)}' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '${kafkaClasspath(config.jars)}' ${main} "$@"\n`,
    );
    chmodSync(path, 0o755);
  }
  writeFileSync(join(folder, 'admin.properties'), kafkaProperties(config, 'admin').join('\n'), { mode: 0o600 });
}

async function runScript(script: string, uiPassword: string): Promise<string> {
  const env = {
    ...machine,
    PATH: `${folder}:${machine.PATH}`,
    DATABASE_URL: databaseUrl(config, 'postgres', 'postgres'),
    KAFKA_BROKERS: brokerAddress(config),
    KAFKA_ADMIN_CONFIG: join(folder, 'admin.properties'),
    KAFKA_UI_PASSWORD: uiPassword,
  };
  const path = join(folder, 'bootstrap.sh');
  writeFileSync(path, script);
  return (await promisify(execFile)('bash', [path], { env })).stdout;
}

/** The grants of one service only, as every line takes seconds. */
const shortened = (script: string) => script.replace(/^kafka-acls\.sh .+User:(?!ui ).+\n/gm, '');

const logsIn = (password: string) => {
  const settings = readSettings(z.object(kafkaSettings), { ...kafkaEnv(config, 'ui'), KAFKA_PASSWORD: password });
  return withAdminOf(settings, 'test', (admin) => admin.listTopics(), { retries: 0 });
};

test('the printed script creates logins, grants and the database; run again it changes nothing', { timeout: 600_000 }, async () => {
  expect(stack.way).toBe('embedded');
  writeTools();
  const own = uniqueName('password');
  const { stdout } = await outboxWith({ OUTBOX_DATABASE: database }, 'bootstrap', '--print');
  const script = shortened(stdout);
  const lost = kafkaGrants().filter(({ service }) => service === 'ui');
  await withAdmin((admin) => admin.deleteAcls({ filters: lost.map(aclOf) }));
  await runScript(script, own);
  expect(await withAdmin((admin) => compareAcls(admin, {}))).toEqual({ missing: [], beyond: [] });
  expect(await query('SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1', [database])).toEqual([
    { owner: 'outbox_owner' },
  ]);
  expect(await logsIn(own)).not.toEqual([]);
  const held = await withAdmin(readAcls);
  await runScript(script, kafkaSecret(config, 'ui'));
  expect(await withAdmin(readAcls)).toEqual(held);
  expect(await logsIn(kafkaSecret(config, 'ui'))).not.toEqual([]);
  await expect(logsIn(own)).rejects.toThrow(/authentication failed/i);
});
