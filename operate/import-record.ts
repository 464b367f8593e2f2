import type { KafkaMessage } from 'kafkajs';
import { z } from 'zod';
import { parseId, schemaIdOf, type EventSchema } from '../contract/event.ts';
import { HOOK_ID } from '../contract/ids.ts';
import { encodeRun, type RunRow } from './runs.ts';

// Turns a record of the topic back into its run.

/** A run as its event holds it: without the idempotency key, which is not in events. */
export interface ImportedRun extends RunRow {
  traceparent: string | null;
  /** The event's bytes. */
  payload: Buffer;
}

/** A record is the event of a run, or not from the outbox, or an event that cannot become a run. */
export type ReadRecord = { run: ImportedRun } | { foreign: string } | { unreadable: string };

type Source = Pick<KafkaMessage, 'key' | 'value' | 'headers'>;

const TYPE = 'ZapRunCreated';
/** The values that zap_run accepts. */
const TRACEPARENT = /^[\x20-\x7e]{0,256}$/;

const fields = z.object({
  zapRunId: z.string(),
  userId: z.string().regex(HOOK_ID),
  zapId: z.string().regex(HOOK_ID),
  receivedAt: z.number().int().min(0).max(8.64e15),
  metadata: z.string().refine(isJson),
  headers: z.record(z.string(), z.string()),
});

/**
 * Reads a record with the schema that it was written with. Encoding the returned run gives the same bytes.
 *
 * @param schemaOf throws for an unknown id
 */
export async function readRecord({ key, value, headers }: Source, schemaOf: (id: number) => Promise<EventSchema>): Promise<ReadRecord> {
  const id = parseId(headers?.id)?.toLowerCase();
  if (id === undefined) return { foreign: 'its header id is not a run’s id' };
  if (headers?.type?.toString() !== TYPE) return { foreign: `its header type is not ${TYPE}` };
  const schemaId = value === null ? undefined : schemaIdOf(value);
  if (value === null || schemaId === undefined) return { unreadable: 'its value is not in the wire format' };
  const schema = await schemaOf(schemaId);
  const event = fields.safeParse(schema.decode(value)).data;
  if (event === undefined) return { unreadable: `its value is not an event of schema ${schemaId}` };
  const { zapRunId, userId, zapId, receivedAt, metadata, headers: kept } = event;
  if (zapRunId !== id) return { unreadable: `its header id is ${id}, and the event’s is ${zapRunId}` };
  if (key?.toString() !== `${userId}/${zapId}`) return { unreadable: 'its key is not the zap of the event' };
  const traceparent = headers.traceparent?.toString() ?? null;
  if (Array.isArray(headers.traceparent) || !(traceparent === null || TRACEPARENT.test(traceparent)))
    return { unreadable: 'its header traceparent is not one of ingest' };
  const run: ImportedRun = {
    ...{ id, user_id: userId, zap_id: zapId, metadata, headers: JSON.stringify(kept) },
    ...{ received_at: new Date(receivedAt), schema_id: schemaId, traceparent, payload: value },
  };
  return gives(schema, run) ? { run } : { unreadable: `it has more than this version stores of schema ${schemaId}` };
}

/** Whether this event was made from a stored run: the run encodes to the same bytes and has the same traceparent. */
export function isSameRun(
  schema: EventSchema,
  stored: RunRow & { traceparent: string | null },
  { payload, traceparent }: ImportedRun,
): boolean {
  return stored.traceparent === traceparent && gives(schema, { ...stored, payload });
}

function gives(schema: EventSchema, run: Omit<ImportedRun, 'traceparent'>): boolean {
  try {
    return encodeRun(schema, run).equals(run.payload);
  } catch {
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
