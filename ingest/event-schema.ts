import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type avsc from 'avsc';
import type { Logger } from 'pino';
import { currentSchema, eventSchema, fingerprintOf, type EventSchema } from '../contract/event.ts';
import { EVENT_SUBJECT } from '../contract/names.ts';
import type { PrismaClient } from '../prisma/client.ts';

/**
 * Looks up the id under which `schemaText` was registered.
 *
 * @returns undefined while it is not registered
 */
export async function findEventSchema(prisma: PrismaClient, schemaText: string): Promise<EventSchema | undefined> {
  const row = await prisma.eventSchema.findUnique({
    where: { subject_fingerprint: { subject: EVENT_SUBJECT, fingerprint: fingerprintOf(schemaText) } },
  });
  return row === null ? undefined : eventSchema(row.schemaId, JSON.parse(schemaText) as avsc.Schema);
}

/** Polls until the schema is registered, or `stopping`. Ingest needs only this row, neither Kafka nor the registry. */
export async function waitForEventSchema(prisma: PrismaClient, log: Logger, stopping: AbortSignal): Promise<EventSchema | undefined> {
  // This is the only use of Prisma here: its WebAssembly is not worth the memory of V8's optimizing compiler.
  setFlagsFromString('--liftoff-only');
  const text = currentSchema();
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
