import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { pino } from 'pino';
import { z } from 'zod';
import { changeAcls, compareAcls, grantNames, grantSettings } from '../kit/kafka-acls.ts';
import { kafkaSettings } from '../kit/kafka-settings.ts';
import { settingsOrExit } from '../kit/settings.ts';
import { withAdmin } from './probes.ts';

// The grants of the stack's Kafka, embedded and in Docker: those of contract/kafka-grants.ts, and no others for the
// pipeline's logins. A job that ends; safe to repeat. It is started beside the broker and waits for it.

const settings = z.object({ ...kafkaSettings, ...grantSettings });
const WAIT_MS = 120_000;
const AGAIN_AFTER_MS = 150;

const config = settingsOrExit(settings, process.env);
const log = pino({ name: 'acls' });

async function apply(admin: Admin): Promise<{ added: number; removed: number }> {
  const found = await compareAcls(admin, grantNames(config));
  if (found === undefined) throw new Error('the broker keeps no access list: authorizer.class.name is not set');
  await changeAcls(admin, found.missing, found.beyond);
  return { added: found.missing.length, removed: found.beyond.length };
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
