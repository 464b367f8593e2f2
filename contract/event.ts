import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { isRunId } from './ids.ts';

/** The fields of an event that come from the webhook. */
export interface EventContent {
  userId: string;
  zapId: string;
  /** JSON text, exactly as it arrived. */
  metadata: string;
  headers: Readonly<Record<string, string>>;
}

/** Confluent's wire format: 0x00 and four bytes of schema id, then Avro. */
export const PREFIX_BYTES = 5;

/** The current schema as one line of text. It is registered, and ingest writes events with it. */
export const currentSchema = (): string => oneLine(readFileSync(new URL('schemas/zap-run.avsc', import.meta.url), 'utf8'));

const oneLine = (schema: string) => JSON.stringify(JSON.parse(schema));

/** The key of a schema in event_schema. White space makes no difference. */
export const fingerprintOf = (schema: string): string => createHash('sha256').update(oneLine(schema)).digest('hex');

/** A registered schema. Events are written with it and carry its id. */
export interface EventSchema {
  id: number;
  /** The record in Confluent's wire format. */
  encode(zapRunId: string, receivedAt: Date, webhook: EventContent): Buffer;
  /** The fields of a record; undefined if its bytes are not exactly one record of this schema. */
  decode(record: Buffer): unknown;
}

/** The id of the schema that a record was written with; undefined if it is not in Confluent's wire format. */
export const schemaIdOf = (record: Buffer): number | undefined =>
  record.length > PREFIX_BYTES && record[0] === 0 ? record.readInt32BE(1) : undefined;

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
    decode: (record) => {
      try {
        return type.fromBuffer(record.subarray(PREFIX_BYTES)) as unknown;
      } catch {
        return undefined;
      }
    },
  };
}

/** An Avro schema with the TypeScript type of its records. `npm run generate` writes both from one file. */
export interface ReaderSchema<T> {
  readonly schema: avsc.Schema;
  /** Gives a record that avsc decoded with this schema its type. */
  readonly typed: (decoded: unknown) => T;
}

/** The id in a record's header; undefined unless the header is exactly one UUID. */
export function parseId(header: Buffer | string | (Buffer | string)[] | undefined): string | undefined {
  if (header === undefined || Array.isArray(header)) return undefined;
  const text = header.toString();
  return isRunId(text) ? text : undefined;
}
