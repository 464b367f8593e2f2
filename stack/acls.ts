import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { pino } from 'pino';
import { z } from 'zod';
import { kafkaGrants } from '../contract/kafka-grants.ts';
import { aclOf, changeAcls, keyOf, lacks, readAcls } from '../kit/kafka-acls.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { settingsOrExit } from '../kit/settings.ts';
import { withAdmin } from './probes.ts';

// The grants of the stack's Kafka, embedded and in Docker: those of contract/kafka-grants.ts, and no others for the
// pipeline's logins. A job that ends; safe to repeat. It is started beside the broker and waits for it.

const settings = z.object({
  ...kafkaSettings,
  TOPIC: z.string().optional().describe("The consumers' topic, where it is another one"),
  DEAD_LETTER_TOPIC: z.string().optional().describe("The consumers' dead-letter topic, where it is another one"),
  CLEANUP_GROUP: z.string().optional().describe("cleanup's group, where it is another one"),
});
const WAIT_MS = 120_000;
const AGAIN_AFTER_MS = 150;

const config = settingsOrExit(settings, process.env);
const log = pino({ name: 'acls' });

async function apply(admin: Admin): Promise<{ added: number; removed: number }> {
  const held = await readAcls(admin);
  if (held === undefined) throw new Error('the broker keeps no access list: authorizer.class.name is not set');
  const { TOPIC: topic, DEAD_LETTER_TOPIC: deadLetterTopic, CLEANUP_GROUP: cleanupGroup } = config;
  const given = { ...(topic && { topic }), ...(deadLetterTopic && { deadLetterTopic }), ...(cleanupGroup && { cleanupGroup }) };
  // The defaults as well: doctor counts on them.
  const wanted = new Map([...kafkaGrants(), ...kafkaGrants(given)].map(aclOf).map((acl) => [keyOf(acl), acl]));
  const added = [...wanted.values()].filter(lacks(held));
  const removed = held.filter(lacks(wanted.values()));
  await changeAcls(admin, added, removed);
  return { added: added.length, removed: removed.length };
}

const deadline = performance.now() + WAIT_MS;
for (;;) {
  try {
    log.info(await withAdmin(config, apply), 'granted');
    break;
  } catch (error) {
    if (performance.now() < deadline) {
      await delay(AGAIN_AFTER_MS);
      continue;
    }
    log.error({ code: 'KAFKA_UNREACHABLE', cause: error instanceof Error ? error.message : String(error) }, 'no grants are written');
    process.exitCode = 1;
    break;
  }
}
