import avsc from 'avsc';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { askRegistry, json } from './http.ts';
import { query } from './stack.ts';
import type { Record } from './consumer.ts';

export const schemaText = readFileSync(new URL('../../contract/schemas/zap-run.avsc', import.meta.url), 'utf8');

/** The id under which the stack's registry has the schema of the events. */
export async function schemaId(): Promise<number> {
  const [row] = await query<{ schema_id: number }>('SELECT schema_id FROM event_schema');
  if (row === undefined) throw new Error('the event schema is not registered');
  return row.schema_id;
}

/** Registers a schema under a subject. @returns its id */
export async function registerSchema(subject: string, schema: string): Promise<number> {
  const response = await askRegistry(`/subjects/${subject}/versions`, json('POST', { schema }));
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { id: number }).id;
}

/** A value in the wire format. */
export function encode(id: number, event: object, schema = schemaText): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(id, 1);
  return Buffer.concat([prefix, avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema).toBuffer(event)]);
}

export const event = (id: string = randomUUID(), more: object = {}) => ({
  ...{ zapRunId: id, userId: 'u', zapId: 'z', receivedAt: Date.now(), metadata: '{}', headers: {}, ...more },
});

/** A record as the outbox makes it. */
export function eventRecord(registeredId: number, id: string = randomUUID(), partition = 0): Record {
  return { key: 'u/z', value: encode(registeredId, event(id)), headers: { id, type: 'ZapRunCreated', resends: '0' }, partition };
}
