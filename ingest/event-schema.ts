import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type avsc from 'avsc';
import type { Logger } from 'pino';
import { eventSchema, type EventSchema } from '../contract/event.ts';
import { EVENT_SUBJECT } from '../contract/names.ts';
import type { PrismaClient } from '../prisma/client.ts';

/**
 * Looks up the id under which `schemaText` was registered.
 *
 * @returns undefined while it is not registered
 */
export async function findEventSchema(prisma: PrismaClient, schemaText: string): Promise<EventSchema | undefined> {
  const schema = JSON.parse(schemaText) as avsc.Schema;
  const fingerprint = createHash('sha256').update(JSON.stringify(schema)).digest('hex');
  const row = await prisma.eventSchema.findUnique({
    where: { subject_fingerprint: { subject: EVENT_SUBJECT, fingerprint } },
  });
  return row === null ? undefined : eventSchema(row.schemaId, schema);
}

/** Asks until the schema is registered, or `stopping`: ingest needs neither Kafka nor the registry, only this row. */
export async function waitForEventSchema(prisma: PrismaClient, log: Logger, stopping: AbortSignal): Promise<EventSchema | undefined> {
  // This is all that is asked of Prisma here: its WebAssembly does not earn the memory that V8's optimizing compiler takes.
  setFlagsFromString('--liftoff-only');
  const text = readFileSync(new URL('../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');
  while (!stopping.aborted) {
    try {
      const schema = await findEventSchema(prisma, text);
      log.info({ schemaId: schema?.id }, schema === undefined ? 'event schema is not registered yet' : 'ready');
      if (schema !== undefined) return schema;
    } catch (error) {
      log.warn({ cause: error instanceof Error ? error.message : error }, 'event schema cannot be looked up');
    }
    await delay(500);
  }
  return undefined;
}
