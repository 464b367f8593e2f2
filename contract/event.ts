import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { isRunId } from './ids.ts';

/** What a webhook gives to its event. */
export interface EventContent {
  userId: string;
  zapId: string;
  /** JSON text, exactly as it arrived. */
  metadata: string;
  headers: Readonly<Record<string, string>>;
}

/** Confluent's wire format: 0x00 and four bytes of schema id, then Avro. */
export const PREFIX_BYTES = 5;

/** The schema of today, as text in one line: what is registered, and what events are written with. */
export const currentSchema = (): string => oneLine(readFileSync(new URL('schemas/zap-run.avsc', import.meta.url), 'utf8'));

const oneLine = (schema: string) => JSON.stringify(JSON.parse(schema));

/** By what event_schema knows a schema: its spaces and line breaks make no difference. */
export const fingerprintOf = (schema: string): string => createHash('sha256').update(oneLine(schema)).digest('hex');

/** A schema that the registry knows: events are written with it and carry its id. */
export interface EventSchema {
  id: number;
  /** The record in Confluent's wire format. */
  encode(zapRunId: string, receivedAt: Date, webhook: EventContent): Buffer;
}

export function eventSchema(id: number, schema: avsc.Schema): EventSchema {
  const type = avsc.Type.forSchema(schema);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeInt32BE(id, 1);
  return {
    id,
    encode: (zapRunId, receivedAt, { userId, zapId, metadata, headers }) => {
      const record = { zapRunId, userId, zapId, receivedAt: receivedAt.getTime(), metadata, headers };
      return Buffer.concat([prefix, type.toBuffer(record)]);
    },
  };
}

/** An Avro schema and the type of what is read with it. Made by `npm run generate`, which ties the two together. */
export interface ReaderSchema<T> {
  readonly schema: avsc.Schema;
  /** What avsc has read with this very schema, as its type. */
  readonly typed: (decoded: unknown) => T;
}

/** The id of a record's header; undefined for anything but one UUID. */
export function parseId(header: Buffer | string | (Buffer | string)[] | undefined): string | undefined {
  if (header === undefined || Array.isArray(header)) return undefined;
  const text = header.toString();
  return isRunId(text) ? text : undefined;
}
